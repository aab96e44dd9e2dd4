"""What NumPy and autograd leave out: where arrays live, gradients, trees, Adam, fast operations."""
