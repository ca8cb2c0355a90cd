class DataLoader:
    """The order of random keys; batches by a generator."""

    def __init__(self, X, y, batch_size: int = 1, shuffle: bool = False):
        self.X, self.y, self.batch_size, self.shuffle = X, y, batch_size, shuffle

    def __len__(self) -> int:
        return (len(self.X) + self.batch_size - 1) // self.batch_size

    def num_samples(self) -> int:
        return int(self.X.shape[0])

    def __iter__(self):
        keys = np.random.random(len(self.X)) if self.shuffle else np.arange(len(self.X))
        order = np.argsort(keys)
        for start in range(0, len(order), self.batch_size):
            rows = np.sort(order[start : start + self.batch_size])
            yield self.X[rows], self.y[rows]
