"""Recordings of sensors: reading them, cutting windows, choosing what is made of those."""
