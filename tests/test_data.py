import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from byhand import data

SHARED = Path(__file__).parents[2] / "shared" / "mnist"

N_TRAIN, N_TEST, N_VALIDATION = 12, 5, 4


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    drawn = {
        data.TRAIN_IMAGES: rng.integers(0, 256, (N_TRAIN, 28, 28), np.uint8),
        data.TRAIN_LABELS: rng.integers(0, 10, N_TRAIN, np.uint8),
        data.TEST_IMAGES: rng.integers(0, 256, (N_TEST, 28, 28), np.uint8),
        data.TEST_LABELS: rng.integers(0, 10, N_TEST, np.uint8),
    }
    drawn[data.TRAIN_IMAGES][0, 0, :2] = 0, 255
    return drawn


@pytest.fixture
def checksums(arrays):
    return {name: hashlib.sha256(idx(array)).hexdigest() for name, array in arrays.items()}


@pytest.fixture
def folder(tmp_path, arrays):
    """Four small IDX files, two of them gzipped."""
    for name, array in arrays.items():
        if "images" in name:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (tmp_path / name).write_bytes(idx(array))
    return tmp_path


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """An empty cache of the user's, and no BYHAND_DATA; a download would fail the test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.delenv("BYHAND_DATA", raising=False)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *_, **__: pytest.fail("download"))
    return data.user_cache_path("byhand") / "mnist"


def one_line(caught):
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_parts_have_the_types_and_shapes_they_promise(folder, arrays, checksums):
    digits = data.read_mnist(folder, checksums, N_VALIDATION)
    assert digits.name == "MNIST"
    sizes = {"train": N_TRAIN - N_VALIDATION, "validation": N_VALIDATION, "test": N_TEST}
    for part, size in sizes.items():
        images, labels = getattr(digits, f"{part}_images"), getattr(digits, f"{part}_labels")
        assert (images.shape, images.dtype) == ((size, 1, 28, 28), np.float32)
        assert (labels.shape, labels.dtype) == ((size,), np.int64)
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 1)


def test_the_validation_images_are_the_last_training_images(folder, arrays, checksums):
    digits = data.read_mnist(folder, checksums, N_VALIDATION)
    split = N_TRAIN - N_VALIDATION
    images, labels = arrays[data.TRAIN_IMAGES][:, None] / 255, arrays[data.TRAIN_LABELS]
    np.testing.assert_allclose(digits.train_images, images[:split], rtol=1e-6)
    np.testing.assert_allclose(digits.validation_images, images[split:], rtol=1e-6)
    np.testing.assert_array_equal(digits.train_labels, labels[:split])
    np.testing.assert_array_equal(digits.validation_labels, labels[split:])


def test_the_test_images_are_the_test_files(folder, arrays, checksums):
    digits = data.read_mnist(folder, checksums, N_VALIDATION)
    images = arrays[data.TEST_IMAGES][:, None] / 255
    np.testing.assert_allclose(digits.test_images, images, rtol=1e-6)
    np.testing.assert_array_equal(digits.test_labels, arrays[data.TEST_LABELS])


def test_digits_say_what_they_are(folder, checksums):
    digits = data.read_mnist(folder, checksums, N_VALIDATION)
    assert repr(digits) == "MNIST: 8 training, 4 validation, 5 test"


def test_byhand_data_that_does_not_exist_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("BYHAND_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(data.DataError, match="nowhere does not exist") as caught:
        data.mnist()
    assert "Set BYHAND_DATA" in one_line(caught)


def test_byhand_data_that_is_a_file_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "digits.zip").touch()
    monkeypatch.setenv("BYHAND_DATA", str(tmp_path / "digits.zip"))
    with pytest.raises(data.DataError, match=r"digits\.zip is not a folder") as caught:
        data.mnist()
    assert "Set BYHAND_DATA" in one_line(caught)


def test_byhand_data_may_be_relative_and_the_error_says_to_what(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BYHAND_DATA", "nowhere")
    with pytest.raises(data.DataError, match=str(tmp_path / "nowhere")):
        data.mnist()


def test_a_file_that_is_missing_is_named(folder, checksums):
    (folder / data.TEST_LABELS).unlink()
    with pytest.raises(data.DataError, match=rf"lacks {data.TEST_LABELS} \(or .*gz\)") as caught:
        data.read_mnist(folder, checksums, N_VALIDATION)
    assert str(folder) in one_line(caught)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-40], id="truncated"),
        pytest.param(lambda content: content[:20] + b"damaged" + content[27:], id="altered"),
        pytest.param(lambda content: b"<html>not found</html>", id="not gzip"),
        pytest.param(lambda content: b"", id="empty"),
    ],
)
def test_a_gzipped_file_that_is_damaged_is_named(damage, folder, checksums):
    path = folder / f"{data.TRAIN_IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(data.DataError) as caught:
        data.read_mnist(folder, checksums, N_VALIDATION)
    message = one_line(caught)
    assert str(path) in message
    assert "Put the original in its place" in message


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-1], id="truncated"),
        pytest.param(lambda content: content[:-1] + b"\xff", id="altered"),
        pytest.param(lambda content: b"", id="empty"),
    ],
)
def test_a_plain_file_that_is_damaged_is_named_with_both_checksums(damage, folder, checksums):
    path = folder / data.TRAIN_LABELS
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(data.DataError, match="is not the original") as caught:
        data.read_mnist(folder, checksums, N_VALIDATION)
    message = one_line(caught)
    assert str(path) in message
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:12] in message
    assert checksums[data.TRAIN_LABELS][:12] in message


def test_other_digits_in_the_format_of_mnist_are_not_taken_for_it(folder, monkeypatch):
    monkeypatch.setenv("BYHAND_DATA", str(folder))
    with pytest.raises(data.DataError, match="is not the original"):
        data.mnist()


def test_the_cache_is_read_and_verified(cache, arrays):
    cache.mkdir(parents=True)
    for name, array in arrays.items():
        (cache / name).write_bytes(idx(array))
    with pytest.raises(data.DataError, match="is not the original") as caught:
        data.mnist()
    assert str(cache) in one_line(caught)


def test_nbgrader_gets_the_small_digits_without_a_download(monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert data.mnist().name == "scikit-learn's small digits, not MNIST"
    assert "1,797 small digits" in capsys.readouterr().out.splitlines()[0]


def without_network(*_, **__):
    raise OSError("no route to host")


def test_without_network_the_small_digits_stand_in_and_say_so(monkeypatch, capsys, cache):
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", without_network)
    assert len(data.mnist().train_images) == 1197
    told = capsys.readouterr().out
    assert "MNIST could not be downloaded (no route to host): the 1,797 small digits" in told
    assert not cache.exists()


def test_a_broken_byhand_data_never_falls_back(folder, monkeypatch):
    monkeypatch.setenv("BYHAND_DATA", str(folder))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    (folder / data.TRAIN_LABELS).unlink()
    with pytest.raises(data.DataError, match=f"lacks {data.TRAIN_LABELS}|is not the original"):
        data.mnist()


def test_what_is_at_hand_is_never_downloaded_and_nothing_is_said(capsys):
    assert data.at_hand().name == "scikit-learn's small digits, not MNIST"
    assert capsys.readouterr().out == ""


def test_a_broken_folder_is_an_error_for_what_is_at_hand_too(folder, monkeypatch):
    monkeypatch.setenv("BYHAND_DATA", str(folder))
    with pytest.raises(data.DataError, match="is not the original"):
        data.at_hand()


def test_a_download_that_is_interrupted_leaves_nothing(monkeypatch, cache):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.mnist()
    assert not cache.exists()


def test_a_download_that_is_not_mnist_is_an_error_and_leaves_nothing(monkeypatch, cache):
    fake = np.zeros((70_000, 784), np.uint8), np.full(70_000, "7")
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *_, **__: fake)
    with pytest.raises(data.DataError, match=f"downloaded {data.TRAIN_IMAGES} is not the original"):
        data.mnist()
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_verify", lambda *_: None)
    (tmp_path / "file").touch()
    with pytest.raises(data.DataError, match="cannot be kept in") as caught:
        data.store(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8), tmp_path / "file")
    assert "BYHAND_DATA" in one_line(caught)


def test_the_small_digits_have_the_format_of_mnist():
    digits = data.small_digits()
    sizes = {"train": 1197, "validation": 300, "test": 300}
    for part, size in sizes.items():
        images, labels = getattr(digits, f"{part}_images"), getattr(digits, f"{part}_labels")
        assert (images.shape, images.dtype) == ((size, 1, 28, 28), np.float32)
        assert (labels.shape, labels.dtype) == ((size,), np.int64)
        assert set(labels) == set(range(10))
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 1)


def test_every_small_digit_keeps_its_label():
    """The middle of each enlarged digit, averaged, is as grey as the middle of the small one."""
    digits = data.small_digits()
    images = np.concatenate([digits.train_images, digits.validation_images, digits.test_images])
    labels = np.concatenate([digits.train_labels, digits.validation_labels, digits.test_labels])
    small, small_labels = sklearn.datasets.load_digits(return_X_y=True)
    for digit in range(10):
        enlarged = images[labels == digit].mean(axis=(0, 1))[4:24, 4:24]
        original = small.reshape(-1, 8, 8)[small_labels == digit].mean(axis=0) / 16
        assert enlarged.mean() == pytest.approx(original.mean(), abs=0.06)
        np.testing.assert_allclose(
            enlarged[[0, 0, 19, 19], [0, 19, 0, 19]],
            original[[0, 0, 7, 7], [0, 7, 0, 7]],
            atol=1e-6,
        )


def test_the_small_digits_are_the_same_every_time():
    first, second = data.small_digits(), data.small_digits()
    np.testing.assert_array_equal(first.test_images, second.test_images)
    np.testing.assert_array_equal(first.test_labels, second.test_labels)


# The real files stand beside the repository on some machines; elsewhere these are no tests.
if SHARED.is_dir():

    class TestMnist:
        def test_it_is_read_whole(self, monkeypatch):
            monkeypatch.setenv("BYHAND_DATA", str(SHARED))
            digits = data.mnist()
            assert repr(digits) == "MNIST: 50,000 training, 10,000 validation, 10,000 test"
            assert digits.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
            assert digits.test_labels[:5].tolist() == [7, 2, 1, 0, 4]

        def test_a_download_ends_in_the_cache_and_is_read_from_there(self, monkeypatch, cache):
            parts = {
                name: data.read_idx(SHARED / f"{name}.gz", s) for name, s in data.CHECKSUMS.items()
            }
            images = np.concatenate([parts[data.TRAIN_IMAGES], parts[data.TEST_IMAGES]])
            labels = np.concatenate([parts[data.TRAIN_LABELS], parts[data.TEST_LABELS]])
            openml = images.reshape(-1, 784), labels.astype(str)
            monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *_, **__: openml)
            downloaded = data.mnist()
            assert sorted(path.name for path in cache.iterdir()) == sorted(data.CHECKSUMS)
            monkeypatch.setattr(sklearn.datasets, "fetch_openml", without_network)
            cached = data.mnist()
            np.testing.assert_array_equal(downloaded.test_images, cached.test_images)
            assert cached.name == data.at_hand().name == "MNIST"

        def test_storing_that_is_interrupted_leaves_whole_files_and_starts_clean(
            self, monkeypatch, cache
        ):
            parts = [data.read_idx(SHARED / f"{name}.gz", s) for name, s in data.CHECKSUMS.items()]
            images, labels = np.concatenate(parts[::2]), np.concatenate(parts[1::2])
            replace = Path.replace

            def interrupted(path, target):
                if path.name == data.TRAIN_LABELS:
                    raise KeyboardInterrupt
                return replace(path, target)

            with monkeypatch.context() as patched:
                patched.setattr(Path, "replace", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    data.store(images, labels, cache)
            assert [path.name for path in cache.iterdir()] == [data.TRAIN_IMAGES]
            assert data.at_hand().name != "MNIST"
            data.store(images, labels, cache)
            assert data.at_hand().name == "MNIST"
