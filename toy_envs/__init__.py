"""Toy tasks with known answers. NumPy only: imports neither autograd nor tinyalign."""
