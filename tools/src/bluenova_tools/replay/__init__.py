"""Serves a capture of a console as if it were a battery."""
