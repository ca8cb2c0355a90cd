EPOCHS = 6


class Positions(Embedding):
    def compute_output(self, x):
        return x + super().compute_output(np.arange(x.shape[1]))

    def compute_grad_input(self, x, grad_output):
        return grad_output

    def update_grad_parameters(self, x, grad_output):
        super().update_grad_parameters(np.arange(x.shape[1]), grad_output.sum(axis=0))


def build_sorter():
    """The reference's network, in two parts."""
    width = 32
    features = Sequential(Embedding(11, width), Positions(16, width))
    block = TransformerBlock(width, 4, 128)
    return training.to_float32(Sequential(features, block, LayerNorm(width), Linear(width, 10)))


def build_optimizer(network, steps):
    return [AdamW(network, lr=3e-3, weight_decay=0.0), None]


def train(run, network, optimizer, scheduler, loader):
    """One digit's loss after the other."""
    for tokens, targets in run.batches(loader):
        network.train()
        scores = network.forward(tokens)
        grad, losses, criterion = np.zeros_like(scores), [], CrossEntropyLoss()
        for place in range(sorting.DIGITS):
            last = scores[:, sorting.DIGITS + place]
            losses.append(criterion.forward(last, targets[:, place]))
            g = criterion.backward(last, targets[:, place])
            grad[:, sorting.DIGITS + place] = g / sorting.DIGITS
        run.loss = sum(losses) / len(losses)
        network.zero_grad()
        network.backward(tokens, grad)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
