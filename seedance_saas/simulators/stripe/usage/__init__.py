"""Meters, what is sent to them, and the sums of it."""
