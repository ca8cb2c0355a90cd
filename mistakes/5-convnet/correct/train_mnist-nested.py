EPOCHS = 5


def build_convnet():
    """The layers in two parts, and float64 as they come."""
    features = [Conv2d(1, 8, 5), MaxPool2d(2), ReLU(), Conv2d(8, 16, 3), MaxPool2d(2), ReLU()]
    head = Sequential(
        Linear(400, 128), BatchNormalization(128), ReLU(), Dropout(0.5), Linear(128, 10)
    )
    return Sequential(Sequential(*features), Flatten(), head)


def build_optimizer(network, steps):
    optimizer = SGD(network, lr=0.01, momentum=0.9, nesterov=True)
    return optimizer, OneCycleLR(optimizer, 0.05, steps, pct_start=0.2)
