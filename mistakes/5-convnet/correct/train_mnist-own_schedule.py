EPOCHS = 20


class Halving(Scheduler):
    """Half the learning rate after each quarter of the steps."""

    def __init__(self, optimizer, steps):
        super().__init__(optimizer)
        self.quarter = max(1, steps // 4)

    def get_lr(self):
        return self.base_lr * 0.5 ** (self.last_epoch // self.quarter)


def build_convnet():
    network = Sequential()
    for layer in (
        Conv2d(1, 8, (5, 5)),
        MaxPool2d((2, 2)),
        ReLU(),
        Conv2d(8, 16, 3),
        MaxPool2d(2, 2),
    ):
        network.modules.append(layer)
    network.modules += [ReLU(), Flatten(), Linear(400, 128), BatchNormalization(128), ReLU()]
    network.modules.append(Linear(128, 10))
    return training.to_float32(network)


def build_optimizer(network, steps):
    optimizer = Adam(network, lr=1e-3, weight_decay=1e-4)
    return [optimizer, Halving(optimizer, steps)]
