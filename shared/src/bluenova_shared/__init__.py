"""What the collector, the recorder and the tools have in common."""
