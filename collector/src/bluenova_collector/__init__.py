"""Reads one battery's console and publishes a snapshot per interval."""
