"""Figures of attention: a soft dictionary, the mask, heads, the residual path, maps, letters."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from byhand.plots.moving import Movie
from byhand.plots.style import BACKWARD, FAINT, FORWARD, INK, OTHERS, PAPER, VALIDATION, figure

WEIGHTS = LinearSegmentedColormap.from_list("weights", ["white", FORWARD])
COLOURS, MARKERS = (FORWARD, BACKWARD, INK, OTHERS[1]), "os^D"


def soft_dictionary(
    keys: Sequence[float], values: Sequence[float], queries: Sequence[float], attend: Callable
) -> Movie:
    """A query moves along a line past a few keys, one frame for each query.

    attend: the weights of the keys for a query, (queries,) -> (queries, keys). Left the keys and
    their weights, right the mixture of the values.
    """
    keys, values, queries = map(np.asarray, (keys, values, queries))
    weights = attend(queries)
    mixture = weights @ values
    with figure(9, 3.6, columns=2) as (drawn, (left, right)):
        bars = left.bar(keys, 0 * keys, width=0.5, color=FORWARD, alpha=0.8, label="weights")
        labels = [left.text(k, 0, "", ha="center", va="bottom", fontsize=9) for k in keys]
        (asked,) = left.plot([], [], "v", color=BACKWARD, markersize=12, label="query")
        for key, value in zip(keys, values, strict=True):
            left.text(key, -0.16, f"value {value:g}", ha="center", fontsize=9, color=INK)
        left.set(
            xlabel="key",
            xticks=keys,
            xlim=(queries.min() - 0.4, queries.max() + 0.4),
            ylim=(-0.22, 1.45),
            title="What the query finds",
        )
        left.set(ylabel="weight", yticks=[0, 0.5, 1])
        left.legend(loc="upper left", ncols=2, fontsize=9)
        right.plot(queries, mixture, color=FORWARD, label="mixture of the values")
        right.plot(keys, values, "o", color=INK, label="the values at their keys")
        (here,) = right.plot([], [], "o", color=BACKWARD, markersize=11)
        right.set(xlabel="query", ylabel="output", title="The answer")
        right.legend(loc="upper left", fontsize=9)
        right.margins(y=0.25)

    def show(frame: int) -> None:
        for bar, label, weight in zip(bars, labels, weights[frame], strict=True):
            bar.set_height(weight)
            label.set_text(f"{weight:.2f}")
            label.set_y(weight + 0.01)
        asked.set_data([queries[frame]], [1.13])
        here.set_data([queries[frame]], [mixture[frame]])
        right.title.set_text(f"The query {queries[frame]:.1f} gets {mixture[frame]:.2f}")

    return Movie(drawn, show, len(queries), pause=250)


def causal_mask(scores: np.ndarray, weights: np.ndarray, tokens: Sequence[str]) -> Movie:
    """Scores (T, T), the mask, and weights (T, T), read token by token: one frame a query."""
    count = len(tokens)
    with figure(8.6, 3.9, columns=2) as (drawn, panels):
        hidden = np.triu(np.ones((count, count), bool), 1)
        for axes, table in zip(panels, (scores, weights), strict=True):
            _table(axes, table, tokens, hidden)
        panels[0].set_title("scores, later keys at minus infinity")
        rows = [
            axes.add_patch(Rectangle((0, 0), count, 1, fill=False, edgecolor=BACKWARD, linewidth=3))
            for axes in panels
        ]
        covers = [
            [
                axes.add_patch(Rectangle((0, r), count, 1, facecolor=PAPER, zorder=4))
                for r in range(count)
            ]
            for axes in panels
        ]

    def show(frame: int) -> None:
        for row, hides in zip(rows, covers, strict=True):
            row.set_y(frame)
            for number, cover in enumerate(hides):
                cover.set_visible(number > frame)
        seen = ", ".join(tokens[: frame + 1])
        panels[1].set_title(f'weights: "{tokens[frame]}" sees {seen}')

    return Movie(drawn, show, count, pause=900)


def _table(axes: Axes, table: np.ndarray, tokens: Sequence[str], hidden: np.ndarray) -> None:
    """Numbers in cells, queries downwards, keys across; what is hidden is grey."""
    shares = table - table.min() if table.min() < 0 else table
    for (row, column), number in np.ndenumerate(table):
        share = 0 if hidden[row, column] else shares[row, column] / (shares.max() or 1)
        colour = FAINT if hidden[row, column] else WEIGHTS(0.75 * share)
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor=PAPER))
        text = "-∞" if hidden[row, column] and table.min() < 0 else f"{number:.2g}"
        ink = "white" if share > 0.7 else INK
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=9, color=ink)
    places = np.arange(len(tokens)) + 0.5
    axes.set(xlim=(0, len(tokens)), ylim=(len(tokens), 0), xlabel="key", ylabel="query")
    axes.set_xticks(places, tokens)
    axes.set_yticks(places, tokens)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def heads(tokens: int, features: int, count: int) -> Figure:
    """Which head gets which numbers of a table of tokens and features: rightly and by reshape.

    Every number is written as token and feature; its colour is that of its head.
    """
    names = np.array([[f"{t}{'abcdefghijkl'[f]}" for f in range(features)] for t in range(tokens)])
    width = features // count
    split = names.reshape(tokens, count, width).swapaxes(0, 1)
    panels = {
        "x: a row a token": names[None],
        "split, then transposed: right": split,
        "reshaped only: wrong": names.reshape(count, tokens, width),
    }
    colour = {n: COLOURS[h] for h, part in enumerate(split) for n in part.flat}
    with figure(8.6, 0.4 * tokens * count + 0.8, columns=3) as (drawn, all_axes):
        for axes, (title, parts) in zip(all_axes, panels.items(), strict=True):
            for number, part in enumerate(parts):
                for (row, column), name in np.ndenumerate(part):
                    top, tint = row + number * (tokens + 0.7), (*to_rgb(colour[name]), 0.3)
                    box = Rectangle((column, top), 1, 1, facecolor=tint, edgecolor=PAPER)
                    axes.add_patch(box)
                    axes.text(column + 0.5, top + 0.5, name, ha="center", va="center", fontsize=9)
                if len(parts) > 1:
                    middle = number * (tokens + 0.7) + tokens / 2
                    axes.text(-0.3, middle, f"head {number + 1}", ha="right", va="center")
            axes.set(xlim=(-2.2, features), ylim=((tokens + 0.7) * count, 0), title=title)
            axes.set_aspect("equal")
            axes.axis("off")
        drawn.words = (
            f"{tokens} tokens of {features} features in {count} heads: {'; '.join(panels)}. "
            "Split and transposed, a head has its own features of every token; reshaped only, "
            "it has all features of some of the tokens."
        )
    return drawn


def residual_stream(parts: Sequence[str] = ("attention", "mlp")) -> Figure:
    """A block as a straight path from x to y, to which each part adds what it has computed."""
    with figure(8.6, 2.5) as (drawn, axes):
        axes.set(xlim=(0, 10), ylim=(-0.6, 2.6))
        axes.axis("off")
        look = dict(arrowstyle="-|>", linewidth=2.4, color=FORWARD, shrinkA=0, shrinkB=0)
        axes.annotate("", xy=(9.6, 0.3), xytext=(0.4, 0.3), arrowprops=look)
        back = look | dict(color=BACKWARD, linewidth=1.6)
        axes.annotate("", xy=(0.4, -0.1), xytext=(9.6, -0.1), arrowprops=back)
        thin = look | dict(linewidth=1.4)
        for number, part in enumerate(parts):
            left = 1.2 + 4.2 * number
            axes.plot([left, left], [0.3, 1.75], color=FORWARD, linewidth=1.4)
            for start, width, name in ((left + 0.3, 0.9, "norm"), (left + 1.5, 1.4, part)):
                box = FancyBboxPatch(
                    (start, 1.4), width, 0.7, boxstyle="round,pad=0.05", fc="white", ec=INK
                )
                axes.add_patch(box)
                axes.text(start + width / 2, 1.75, name, ha="center", va="center")
            axes.plot([left, left + 0.25], [1.75, 1.75], color=FORWARD, linewidth=1.4)
            axes.plot([left + 1.25, left + 1.45], [1.75, 1.75], color=FORWARD, linewidth=1.4)
            axes.plot([left + 2.95, left + 3.3], [1.75, 1.75], color=FORWARD, linewidth=1.4)
            axes.annotate("", xy=(left + 3.3, 0.47), xytext=(left + 3.3, 1.75), arrowprops=thin)
            axes.plot(left + 3.3, 0.3, "o", markersize=17, mfc="white", mec=INK)
            axes.text(left + 3.3, 0.29, "+", ha="center", va="center", fontsize=13)
        axes.text(0.2, 0.3, "$x$", ha="center", va="center", color=FORWARD, fontsize=13)
        axes.text(9.8, 0.3, "$y$", ha="center", va="center", color=FORWARD, fontsize=13)
        axes.text(
            5, -0.4, "the gradient has the same straight way back", color=BACKWARD, ha="center"
        )
        drawn.words = (
            f"A straight path from x to y; {' and '.join(parts)}, each behind a norm, read from it "
            "and add their result to it. The gradient goes straight back along the same path."
        )
    return drawn


def attention_maps(weights: np.ndarray, tokens: Sequence[str], title: str = "") -> Figure:
    """Where each head looks. weights: (H, T, T), queries downwards; the frame marks, from the
    separator on, the tokens that write."""
    count = len(weights)
    with figure(9.6, 9.6 / count + 0.9, columns=count, sharey=True) as (drawn, all_axes):
        start = len(tokens) // 2
        for number, (axes, table) in enumerate(zip(np.atleast_1d(all_axes), weights, strict=True)):
            extent = (0, len(tokens), len(tokens), 0)
            axes.imshow(table, cmap=WEIGHTS, vmin=0, vmax=1, extent=extent, interpolation="nearest")
            places = np.arange(len(tokens)) + 0.5
            axes.set_xticks(places, tokens, fontsize=8)
            axes.set_yticks(places, tokens, fontsize=8)
            axes.add_patch(
                Rectangle((0, start), len(tokens), len(tokens) - start, fill=False, ec=BACKWARD)
            )
            axes.set(title=f"head {number + 1}", xlabel="looks at", ylim=(len(tokens), 0))
            axes.set_aspect("equal")
            axes.grid(visible=False)
            axes.tick_params(length=0)
        np.atleast_1d(all_axes)[0].set_ylabel("token that reads")
        drawn.suptitle(title, fontsize=11)
        best = [[tokens[k] for k in table.argmax(axis=1)[start:]] for table in weights]
        told = [f"head {n + 1} looks most at {' '.join(row)}" for n, row in enumerate(best)]
        drawn.words = f"{title}. From the separator on, {'; '.join(told)}"[:900]
    return drawn


def head_profiles(differences: Sequence[float], profiles: Sequence[Sequence[float]]) -> Figure:
    """For each head, the mean weight of a digit by how much larger it is than the last written."""
    with figure(8, 3.4) as (drawn, axes):
        for number, (profile, marker) in enumerate(zip(profiles, MARKERS, strict=False)):
            look = dict(color=COLOURS[number], marker=marker, markersize=5)
            axes.plot(differences, profile, label=f"head {number + 1}", **look)
        axes.axvline(0, color=INK, linewidth=1, linestyle=":")
        axes.set(xticks=differences, ylim=(0, None), ylabel="mean weight")
        axes.set(xlabel="digit of the list, less the digit just written")
        axes.set(title="What each head looks at")
        axes.legend(fontsize=9)
    return drawn


def variants(
    curves: Mapping[str, np.ndarray], steps: Sequence[float], ylabel: str, title: str
) -> Figure:
    """Several runs of each variant over the steps: (runs, points), thin; their mean, thick."""
    with figure(8, 3.6) as (drawn, axes):
        looks = zip(COLOURS, MARKERS, strict=True)
        for (name, runs), (colour, marker) in zip(curves.items(), looks, strict=False):
            axes.plot(steps, np.transpose(runs), color=colour, linewidth=0.7, alpha=0.6)
            mean = np.mean(runs, axis=0)
            axes.plot(steps, mean, color=colour, marker=marker, markersize=5, label=name)
        axes.set(xlabel="step", ylabel=ylabel, title=title)
        axes.legend(fontsize=9)
    return drawn


def bits(
    train: Sequence[float], held_out: Mapping[int, float], known: Mapping[str, float]
) -> Figure:
    """Bits a letter over the steps. train: of every batch; held_out: step -> on other text;
    known: what simpler models reach, as lines."""
    with figure(8, 3.6) as (drawn, axes):
        steps = np.arange(1, len(train) + 1)
        axes.plot(steps, train, color=FORWARD, alpha=0.3, linewidth=0.8)
        window = max(1, len(train) // 40)
        mean = np.convolve(train, np.ones(window) / window, "valid")
        axes.plot(steps[window - 1 :], mean, color=FORWARD, label="text it learns from")
        axes.plot(*zip(*held_out.items(), strict=True), "o-", color=VALIDATION, label="other text")
        for (name, value), style in zip(known.items(), ("--", ":", "-."), strict=False):
            axes.axhline(value, color=INK, linestyle=style, linewidth=1.2, label=name)
        axes.set(xlabel="step", ylabel="bits a letter", title="How well the next letter is guessed")
        axes.set_ylim(0, 1.05 * max([*known.values(), *train[:1]]))
        axes.legend(fontsize=9, ncols=2)
    return drawn
