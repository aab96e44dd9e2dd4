"""What NumPy and autograd leave out: devices, gradients, trees of parameters, Adam, fast layers."""
