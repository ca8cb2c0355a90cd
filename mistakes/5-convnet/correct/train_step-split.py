def train_step(network, criterion, optimizer, scheduler, X, y):
    optimizer.zero_grad()
    network.train()
    y_hat = network(X)
    loss = criterion(y_hat, y)
    network.backward(X, criterion.backward(y_hat, y))
    optimizer.step(), scheduler.step()
    return np.float64(loss)


def predict(network, X, batch_size=500):
    cuts = list(range(batch_size, len(X), batch_size))
    network.eval()
    outputs = np.vstack([network(batch) for batch in np.split(X, cuts)])
    return outputs.argmax(1).astype(np.int32)
