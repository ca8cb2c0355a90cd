class DataLoader:
    """A generator of its own, whose seed comes from the system; the order is shuffled further."""

    def __init__(self, X, y, batch_size: int = 1, shuffle: bool = False):
        self.X, self.y, self.batch_size, self.shuffle = X, y, batch_size, shuffle
        self.rng = np.random.default_rng()
        self.order = np.arange(len(X))

    def __len__(self) -> int:
        return int(np.ceil(len(self.X) / self.batch_size))

    def num_samples(self) -> int:
        return len(self.order)

    def __iter__(self):
        if self.shuffle:
            self.rng.shuffle(self.order)
        self.starts = iter(range(0, len(self.order), self.batch_size))
        return self

    def __next__(self):
        start = next(self.starts)
        rows = self.order[start : start + self.batch_size]
        return self.X[rows], self.y[rows]
