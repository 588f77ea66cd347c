"""Home Assistant: what it is told of a battery, and when."""
