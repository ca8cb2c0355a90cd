def train_step(network, criterion, optimizer, scheduler, X, y) -> float:
    """In another order, where the order does not matter."""
    optimizer.zero_grad()
    network.train()
    y_hat = network.forward(X)
    loss = criterion.forward(y_hat, y)
    network.backward(X, criterion.backward(y_hat, y))
    optimizer.step()
    scheduler.step()
    return float(loss)


def predict(network, X, batch_size: int = 500):
    """In parts of nearly the same size, none larger than batch_size."""
    network.eval()
    parts = np.array_split(X, -(-len(X) // batch_size))
    return np.concatenate([np.argmax(network.forward(part), axis=-1) for part in parts])
