"""Whether entries that were drawn as 0 or 1 are drawn each for itself."""

from collections.abc import Sequence

import numpy as np

PASSES = 5  # all have as many ones once in 4 · 10^8 times, or 4 · 10^7 for the 2,048 of the gate
LEAST = 1000  # entries of a pass; with fewer, chance ties too much together
# In standard deviations. A check looks at 50,000 sums that are as good as normal for gaps, and at
# twice as many for mirror images: beyond 7.5 lies 6e-14 on both sides, so one of them strays once
# in 10^8 times; in 10^7, as the products of rare zeros are skewed. Two sums of squares stray by 8
# more seldom still, though the smallest has but 496 terms.
STRAY, STRAY_OF_SQUARES = 7.5, 8.0
ACCIDENT = 1e-9  # so seldom may two lines of independent entries be alike


def dependence(passes: Sequence[np.ndarray]) -> str:
    """In words, what ties the entries of several passes together, if anything does.

    passes: arrays of True and False, of one shape, with one chance for all entries to be True.
    """
    if passes[0].size < LEAST:
        return ""
    ones = {int(drawn.sum()) for drawn in passes}
    if len(ones) == 1:
        return f"every pass picks {ones.pop()} of {passes[0].size} entries: draw for each entry"
    rows = np.concatenate(passes).reshape(sum(map(len, passes)), -1)
    alike = rows.mean() ** 2 + (1 - rows.mean()) ** 2  # the chance of two entries
    rows = (rows - rows.mean()) / rows.std()
    size, spectrum = rows.size, np.fft.rfft(rows.ravel(), 2 * rows.size)
    pairs = np.arange(size, 0, -1)  # in which two entries are 0, 1, 2, ... places apart
    gaps = np.abs(np.fft.irfft(np.abs(spectrum) ** 2)[:size]) / np.sqrt(pairs)
    gaps[0], gaps[pairs < size / 10] = 0, 0
    if gaps.max() > STRAY:
        return f"entries {gaps.argmax()} places apart go together: draw a number for each entry"
    mirrored = np.concatenate([pairs[:0:-1], pairs])  # each pair is in the sum twice
    images = np.abs(np.fft.irfft(spectrum**2)[: 2 * size - 1]) / np.sqrt(2 * mirrored)
    if images[mirrored > size / 10].max() > STRAY:
        return "one half is drawn as the other's mirror image: draw a number for each entry"
    for lines, called in (rows, "rows"), (rows.T, "columns"):
        squares = (lines @ lines.T)[np.triu_indices(len(lines), 1)] ** 2 / lines.shape[1]
        both = np.concatenate([lines > 0, lines <= 0])  # alike, or opposite
        telling = len(both) ** 2 * alike ** lines.shape[1] < ACCIDENT
        same = telling and len(np.unique(both, axis=0)) < len(both)
        if same or (squares.mean() - 1) * np.sqrt(squares.size / 2) > STRAY_OF_SQUARES:
            return f"some {called} go together: draw a number for each entry"
    return ""
