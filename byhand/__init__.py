"""byhand: build PyTorch's pieces in NumPy, by hand, and have them checked."""
