"""Writes the snapshots of every battery to PostgreSQL."""
