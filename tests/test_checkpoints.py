"""A checkpoint brings a network back, and everything else is refused in one line."""

import zipfile

import numpy as np
import pytest

from byhand import checkpoints
from byhand.checkpoints import CheckpointError, History, modules, state, to_float32
from byhand.nn import Module


class Layer(Module):
    """Parameters, a running average, and an array that is neither."""

    def __init__(self, size=3):
        super().__init__()
        self.weight = np.random.normal(size=(size, 2))
        self.grad_weight = np.zeros((size, 2))
        self.running_mean = np.random.normal(size=size)
        self.cache = np.ones(4)


class Chain(Module):
    """Modules in a list, as Sequential has them."""

    def __init__(self, *modules):
        super().__init__()
        self.modules = list(modules)

    def parameters(self):
        return [p for module in self.modules for p in module.parameters()]


def network(size=3):
    return Chain(Layer(), Chain(Layer(size)))


HISTORY = History(
    [2.0, 1.0], [2.5, 1.5], [0.1, 0.2], [0.3, 0.6], [0.2, 0.5], [0.1] * 6, [3.0] * 6, [1.0] * 2
)


@pytest.fixture
def path(tmp_path):
    checkpoints.save_checkpoint(tmp_path / "net.npz", network(), HISTORY, "MNIST")
    return tmp_path / "net.npz"


def entries(path):
    with np.load(path) as archive:
        return dict(archive)


def refused(path, into=None):
    into = into or network()
    before = [array.copy() for array in state(into)]
    with pytest.raises(CheckpointError) as caught:
        checkpoints.load_checkpoint(path, into)
    assert all(np.array_equal(a, b) for a, b in zip(before, state(into), strict=True))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_the_state_is_every_parameter_and_running_average_at_any_depth():
    net = network()
    first, second = net.modules[0], net.modules[1].modules[0]
    wanted = [first.weight, second.weight, first.running_mean, second.running_mean]
    assert [id(array) for array in state(net)] == [id(array) for array in wanted]
    assert len(list(modules(net))) == 4


def test_what_was_saved_comes_back(tmp_path):
    saved, loaded = network(), network()
    checkpoints.save_checkpoint(tmp_path / "net.npz", saved, HISTORY, "MNIST")
    held = loaded.modules[0].weight
    assert checkpoints.load_checkpoint(tmp_path / "net.npz", loaded) == HISTORY
    for mine, other in zip(state(loaded), state(saved), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert loaded.modules[0].weight is held
    assert checkpoints.read_checkpoint(tmp_path / "net.npz").data == "MNIST"


def test_what_a_run_adds_comes_back_and_nothing_else(tmp_path):
    added = {"run_state": np.arange(3), "other": np.arange(4)}
    checkpoints.save_checkpoint(tmp_path / "net.npz", network(), HISTORY, "MNIST", added)
    found = checkpoints.read_checkpoint(tmp_path / "net.npz")
    assert list(found.of_a_run) == ["run_state"]
    np.testing.assert_array_equal(found.of_a_run["run_state"], [0, 1, 2])
    assert len(found.arrays) == 4


def test_an_error_is_one_line_in_a_notebook_too(path):
    path.unlink()
    with pytest.raises(CheckpointError) as caught:
        checkpoints.load_checkpoint(path, network())
    assert caught.value._render_traceback_() == [f"CheckpointError: {caught.value}"]


def test_a_float32_network_stays_float32(path):
    net = to_float32(network())
    checkpoints.load_checkpoint(path, net)
    assert {array.dtype for array in state(net)} == {np.dtype(np.float32)}


def test_float32_reaches_gradients_too():
    net = to_float32(network())
    assert net.modules[0].grad_weight.dtype == net.modules[1].modules[0].weight.dtype == np.float32


def test_saving_again_replaces_the_file_and_leaves_nothing_beside_it(path):
    other = network()
    checkpoints.save_checkpoint(path, other, HISTORY, "MNIST")
    np.testing.assert_array_equal(entries(path)["array_0"], other.modules[0].weight)
    assert [file.name for file in path.parent.iterdir()] == ["net.npz"]


def test_an_interrupted_save_leaves_the_file_that_was_there(path, monkeypatch):
    before = path.read_bytes()

    def interrupted(file, **_):
        file.write(b"PK half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save_checkpoint(path, network(), HISTORY, "MNIST")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["net.npz"]


def test_a_network_that_has_run_away_is_not_saved(tmp_path):
    net = network()
    net.modules[0].weight[0, 0] = np.nan
    with pytest.raises(CheckpointError, match="array 0 of the network holds NaN"):
        checkpoints.save_checkpoint(tmp_path / "net.npz", net, HISTORY, "MNIST")
    assert not (tmp_path / "net.npz").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no/net\.npz cannot be written: No such file"):
        checkpoints.save_checkpoint(tmp_path / "no" / "net.npz", network(), HISTORY, "MNIST")


def test_a_missing_file_is_refused(tmp_path):
    assert "is missing: run the cell that trains" in refused(tmp_path / "net.npz")


@pytest.mark.parametrize("kept", [0, 1, 30, 400, -60, -1])
def test_a_file_that_is_cut_off_is_refused(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    assert "is damaged or cut off" in (text := refused(path)) or "is no .npz archive" in text


def test_a_damaged_array_is_refused(path):
    content = bytearray(path.read_bytes())
    place = content.index(entries(path)["array_0"].tobytes())
    content[place + 3] ^= 255
    path.write_bytes(content)
    assert "is damaged or cut off (BadZipFile)" in refused(path)


@pytest.mark.parametrize("content", [b"<html>", b"\x80\x04]\x94.", b"\x93NUMPY"])
def test_a_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)
    assert "is no .npz archive" in refused(path)


def test_a_folder_in_its_place_is_refused(tmp_path):
    assert "IsADirectoryError" in refused(tmp_path)


def test_arrays_of_something_else_are_refused(path):
    np.savez(path, weight=np.zeros(3))
    assert "is no checkpoint of this course" in refused(path)


def test_an_archive_of_other_files_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    assert "is no checkpoint of this course" in refused(path)


@pytest.mark.parametrize("version", [1, 3, [2, 2], "2"])
def test_another_version_is_refused(path, version):
    np.savez(path, **{**entries(path), checkpoints.MARK: np.array(version)})
    assert "this package reads version 2" in refused(path)


def test_pickles_are_refused_and_not_run(path, capsys):
    class Loud:
        def __reduce__(self):
            return print, ("run",)

    np.savez(path, **entries(path) | {"array_0": np.array(Loud(), object)})
    assert "holds pickles, which are never read" in refused(path)
    assert capsys.readouterr().out == ""


def test_arrays_of_another_shape_are_refused(path):
    text = refused(path, network(size=5))
    assert "is of another network: it holds (3, 2) as array 1, here that has shape (5, 2)" in text


def test_another_number_of_arrays_is_refused(path):
    assert "it holds 4 arrays, this one has 2" in refused(path, Chain(Layer()))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(path, value):
    np.savez(path, **entries(path) | {"array_2": np.full(3, value)})
    assert "array 2 holds values that are no finite numbers" in refused(path)


@pytest.mark.parametrize("array", [np.zeros(3, int), np.array("words"), np.zeros(3, complex)])
def test_values_that_are_no_real_numbers_are_refused(path, array):
    np.savez(path, **entries(path) | {"array_2": array})
    assert "array 2 holds values that are no finite numbers" in refused(path)


@pytest.mark.parametrize("gone", ["array_1", "history_lr", "history_loss", "data"])
def test_a_checkpoint_that_lacks_something_is_refused(path, gone):
    kept = entries(path)
    del kept[gone]
    np.savez(path, **kept)
    refused(path)


@pytest.mark.parametrize("history", [np.zeros((2, 2)), np.array("x"), np.zeros(2, int)])
def test_a_history_that_is_none_is_refused(path, history):
    np.savez(path, **entries(path) | {"history_lr": history})
    assert "no whole checkpoint: its history holds" in refused(path)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_unread(path):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("array_0.npy", "w") as file,
    ):
        for _ in range(260):
            file.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    assert "would unpack to 260 MiB; at most 256 are read" in refused(path)


def test_a_header_that_lies_about_its_size_is_refused(path):
    def lie(header):
        return header.replace(b"(3, 2), }" + b" " * 12, b"(3000000000000, 2), }")

    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert lie(files["array_0.npy"]) != files["array_0.npy"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, lie(content) if name == "array_0.npy" else content)
    assert "is damaged or cut off" in refused(path)
