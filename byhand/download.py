"""MNIST from OpenML, through scikit-learn: what byhand.data falls back on, once."""

import http.client
import socket
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

NETWORK_TIMEOUT = 30.0  # seconds without an answer


def fetch_mnist() -> tuple[np.ndarray, np.ndarray]:
    """All images, uint8 (70000, 28, 28), and labels, uint8 (70000,), in MNIST's own order.

    About 15 MB to download, then some ten seconds to read. Raises ConnectionError when OpenML
    cannot be reached or does not answer as it should.
    """
    from sklearn.datasets import fetch_openml  # here, because importing it takes a second

    try:
        with _network_timeout(), _progress("Downloading MNIST, once"), warnings.catch_warnings():
            # scikit-learn warns of every attempt; the caller tells how it ended.
            warnings.simplefilter("ignore")
            # liac-arff is slow, but the faster parser needs pandas.
            pixels, digits = fetch_openml(
                "mnist_784",
                version=1,
                parser="liac-arff",
                as_frame=False,
                return_X_y=True,
                cache=False,
                n_retries=1,
            )
    except (OSError, EOFError, ValueError, zlib.error, http.client.HTTPException) as error:
        raise ConnectionError(str(error)) from error
    return pixels.astype(np.uint8).reshape(-1, 28, 28), digits.astype(np.uint8)


@contextmanager
def _progress(text: str) -> Iterator[None]:
    """A spinner and the time that has passed; fetch_openml does not tell how far it is."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns) as progress:
        progress.add_task(text, total=None)
        yield


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Without it, a network that swallows packets would be waited for for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
