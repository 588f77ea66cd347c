"""The charts and tables of a battery and a range, as one HTML file."""
