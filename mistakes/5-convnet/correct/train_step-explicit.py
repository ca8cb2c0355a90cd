def train_step(network, criterion, optimizer, scheduler, X, y):
    """Every call by its full name, and the gradients emptied at the end of the step as well."""
    network.train()
    network.zero_grad()
    criterion.forward(network.forward(X), y)
    gradient = criterion.backward(network.output, y)
    network.backward(X, gradient)
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    return criterion.output


def predict(network, X, batch_size=500):
    network.eval()
    answers = np.empty(len(X), dtype=int)
    first = 0
    while first < len(X):
        batch = X[first : first + batch_size]
        answers[first : first + len(batch)] = np.argmax(network.forward(batch), axis=-1)
        first += batch_size
    return answers
