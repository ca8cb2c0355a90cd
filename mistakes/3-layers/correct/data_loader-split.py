class DataLoader:
    """Cuts the shuffled copies into pieces when a pass begins, and hands them out one by one."""

    def __init__(self, X, y, batch_size=1, shuffle=False):
        self.X, self.y = X, y
        self.batch_size, self.shuffle = batch_size, shuffle
        self.batches = iter(())

    def __len__(self):
        return 1 + (len(self.y) - 1) // self.batch_size

    def num_samples(self):
        return len(self.y)

    def __iter__(self):
        order = np.random.permutation(len(self.y)) if self.shuffle else slice(None)
        cuts = np.arange(self.batch_size, len(self.y), self.batch_size)
        X, y = np.split(self.X[order], cuts), np.split(self.y[order], cuts)
        self.batches = zip(X, y)
        return self

    def __next__(self):
        return next(self.batches)
