EPOCHS = 10


def build_mlp():
    """The network of the file; float32 by hand."""
    layers = [Linear(784, 256), BatchNormalization(256), ReLU(), Dropout(0.2)]
    layers += [Linear(256, 128), BatchNormalization(128), ReLU(), Linear(128, 10)]
    return training.to_float32(Sequential(*layers))


class Fixed(Scheduler):
    def get_lr(self):
        return self.base_lr


def build_optimizer(network, steps):
    """Another optimizer, and a rate that stays."""
    optimizer = SGD(network, lr=0.1, momentum=0.9)
    return optimizer, Fixed(optimizer)
