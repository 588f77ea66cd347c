"""For those who work on the project: benchmarks, and what the documents take from the code."""
