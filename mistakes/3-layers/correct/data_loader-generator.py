class DataLoader:
    """A fresh generator for every pass, instead of an iterator that is its own."""

    def __init__(self, X, y, batch_size=1, shuffle=False):
        self.X, self.y, self.batch_size, self.shuffle = X, y, batch_size, shuffle

    def __len__(self):
        return int(np.ceil(self.X.shape[0] / self.batch_size))

    def num_samples(self):
        return self.X.shape[0]

    def __iter__(self):
        indices = np.arange(self.X.shape[0])
        if self.shuffle:
            np.random.shuffle(indices)
        for start in range(0, len(indices), self.batch_size):
            chosen = indices[start : start + self.batch_size]
            yield [np.take(self.X, chosen, axis=0), np.take(self.y, chosen, axis=0)]
