"""MNIST, and the small digits that stand in for it where there is no network.

mnist() looks in the folder that the environment variable BYHAND_DATA names, then in the user's
cache, and at last downloads MNIST into that cache, once. The files are those of the original
distribution (IDX format, plain or gzipped); every one is checked against its SHA-256.
"""

import gzip
import hashlib
import os
import struct
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from byhand.download import fetch_mnist

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

# SHA-256 of the files as they are after decompression.
CHECKSUMS = {
    TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
VALIDATION = 10_000  # the last of MNIST's 60,000 training images
FIX_FOLDER = (
    "Set BYHAND_DATA to the folder that holds MNIST's four files, or unset it to have them "
    "downloaded."
)
FIX_FILE = (
    "Put the original in its place, or delete it and unset BYHAND_DATA to have MNIST downloaded."
)


class DataError(Exception):
    """The data is missing or damaged; the message names the file and how to fix it."""


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Images of handwritten digits: float32 in [0, 1], (n, 1, 28, 28); labels: int64, (n,).

    name says which data this is; a plot of it carries the name in its title.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def __repr__(self) -> str:
        parts = [("training", self.train_labels), ("validation", self.validation_labels)]
        parts += [("test", self.test_labels)]
        return f"{self.name}: " + ", ".join(f"{len(y):,} {part}" for part, y in parts)


def mnist() -> Digits:
    """MNIST: 50,000 training, 10,000 validation and 10,000 test images.

    Where it is neither at hand nor to be downloaded: small_digits(), and a line that says so.
    nbgrader (it sets NBGRADER_EXECUTION) never downloads. Raises DataError when BYHAND_DATA
    or the cache holds something other than MNIST.
    """
    if (folder := _folder()) is not None:
        return read_mnist(folder)
    if "NBGRADER_EXECUTION" in os.environ:
        return _stand_in("is not on this machine, and nbgrader downloads nothing")
    try:
        images, labels = fetch_mnist()
    except ConnectionError as error:
        return _stand_in(f"could not be downloaded ({error})")
    store(images, labels, _cache())
    return read_mnist(_cache())


def at_hand() -> Digits:
    """What mnist() gives on this machine as it is: nothing is downloaded, nothing is said.

    Raises DataError when BYHAND_DATA or the cache holds something other than MNIST.
    """
    folder = _folder()
    return small_digits() if folder is None else read_mnist(folder)


def _folder() -> Path | None:
    """Where MNIST is on this machine, if it is."""
    if named := os.environ.get("BYHAND_DATA"):
        return Path(named).expanduser().absolute()
    return _cache() if all((_cache() / name).exists() for name in CHECKSUMS) else None


def _cache() -> Path:
    return user_cache_path("byhand") / "mnist"


def small_digits() -> Digits:
    """The 1,797 digits of 8x8 pixels that come with scikit-learn, in the format of MNIST.

    Each is scaled up to the 20x20 pixels in the middle that MNIST's digits fill. 1,197 are for
    training, 300 for validation, 300 for testing; they are the same ones every time.
    """
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    # The digits come sorted by writer: mix them, so that all three parts know every writer.
    order = np.random.default_rng(0).permutation(len(labels))
    images = zoom(images.reshape(-1, 8, 8)[order] / 16, (1, 2.5, 2.5), order=1)
    images = np.pad(images, ((0, 0), (4, 4), (4, 4))).astype(np.float32)[:, None]
    labels = labels[order].astype(np.int64)
    (x, x_val, x_test), (y, y_val, y_test) = (np.split(a, [1197, 1497]) for a in (images, labels))
    return Digits("scikit-learn's small digits, not MNIST", x, y, x_val, y_val, x_test, y_test)


def _stand_in(why: str) -> Digits:
    print(
        f"MNIST {why}: the 1,797 small digits of scikit-learn stand in. "
        "For the real one, set BYHAND_DATA to a folder that holds MNIST's four files."
    )
    return small_digits()


def read_mnist(
    folder: Path, checksums: Mapping[str, str] = CHECKSUMS, validation: int = VALIDATION
) -> Digits:
    """The four files in `folder`; the last `validation` training images are set apart.

    Raises DataError when the folder or a file is missing, or a file is not the original.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}. {FIX_FOLDER}")
    arrays = {name: read_idx(_find(folder, name), sha256) for name, sha256 in checksums.items()}
    images, test_images = (
        np.divide(arrays[name][:, None], np.float32(255), dtype=np.float32)
        for name in (TRAIN_IMAGES, TEST_IMAGES)
    )
    labels, test_labels = (arrays[name].astype(np.int64) for name in (TRAIN_LABELS, TEST_LABELS))
    (x, x_val), (y, y_val) = (np.split(a, [len(a) - validation]) for a in (images, labels))
    return Digits("MNIST", x, y, x_val, y_val, test_images, test_labels)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise DataError(f"{folder} lacks {name} (or {name}.gz). {FIX_FOLDER}")


def read_idx(path: Path, sha256: str) -> np.ndarray:
    """The array in an IDX file, uint8; the file is gzipped if its name ends in .gz.

    The format: two zero bytes, the type (8: unsigned byte), the number of axes; the length of
    each axis as a big-endian 32-bit number; the values. Raises DataError when the file cannot
    be read, or when its content, decompressed, has another SHA-256.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. {FIX_FILE}") from error
    _verify(path, content, sha256)
    axes = content[3]
    shape = struct.unpack_from(f">{axes}I", content, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _verify(source: Path | str, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{source} is not the original: the SHA-256 of its content begins with {found[:12]}, "
            f"expected {sha256[:12]}. {FIX_FILE}"
        )


def store(images: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    """Write all 70,000 samples into `folder`, as MNIST's four files, plain.

    Whoever looks there meanwhile sees a whole file or none. Raises DataError when the samples
    are not MNIST's, and when they cannot be written.
    """
    files = {
        TRAIN_IMAGES: _idx(images[:60_000]),
        TRAIN_LABELS: _idx(labels[:60_000]),
        TEST_IMAGES: _idx(images[60_000:]),
        TEST_LABELS: _idx(labels[60_000:]),
    }
    for name, content in files.items():
        _verify(f"The downloaded {name}", content, CHECKSUMS[name])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            for name, content in files.items():
                part = Path(scratch) / name
                part.write_bytes(content)
                part.replace(folder / name)
    except OSError as error:
        raise DataError(f"MNIST cannot be kept in {folder}: {error}. {FIX_FOLDER}") from error


def _idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()
