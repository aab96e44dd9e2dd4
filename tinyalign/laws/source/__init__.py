"""Somebody's source files read as syntax trees: the functions in them, and what each may be."""
