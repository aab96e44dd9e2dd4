"""Finds the losses in somebody's files, without importing them, and has each one judged."""
