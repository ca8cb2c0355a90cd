class Flatten(Module):
    def compute_output(self, x):
        self.shape = x.shape
        return np.array([image.ravel() for image in x])

    def compute_grad_input(self, x, grad_output):
        return np.reshape(grad_output, self.shape).copy()
