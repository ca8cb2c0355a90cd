"""Trained networks as they are handed in: made by the references, graded in the sandbox."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from byhand import data
from byhand.check.properties import trained_network
from byhand.grading.course.notebooks import given_beside, read, solution_cells, source_notebook
from byhand.grading.course.reference_weights import FILES, write_weights
from byhand.grading.sandbox.kernel import Limits
from byhand.grading.sandbox.kernel_session import Allowed, KernelSession
from byhand.grading.sandbox.staging import read_files
from byhand.grading.submission.test_cells import GradedCells

COURSE = Path(__file__).parents[2]
SHARED = COURSE.parent / "shared" / "mnist"
NEEDED = {"4-optimizers": 0.975, "5-convnet": 0.99, "6-attention": 0.99}  # 4 and 5: of MNIST
LONGEST = 20  # seconds for grading a submission


@pytest.fixture(autouse=True)
def only_small_digits(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("BYHAND_DATA", raising=False)
    trained_network._digits.cache_clear()
    yield
    trained_network._digits.cache_clear()


@contextmanager
def handed_in(assignment: str, file: Path | None, folder: Path) -> Iterator["Submission"]:
    """A submission with the reference solutions, in its sandbox."""
    source = source_notebook(COURSE, assignment)
    shutil.copy(source.parent / "given.py", folder)
    if file is not None:
        shutil.copy(file, folder)
    files = read_files(folder, Limits.written)
    with KernelSession(files, Allowed(Limits())) as student, given_beside(source):
        yield Submission(source, student)


class Submission:
    def __init__(self, source: Path, student: KernelSession):
        self.student = student
        self.cells = {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in read(source).cells
            if "nbgrader" in cell.metadata and cell.cell_type == "code"
        }
        for cell in [self.cells["setup"], *solution_cells(source).values()]:
            assert student.run_cell(cell) == []
        self.locked = GradedCells(self.cells["setup"], student)

    def failures(self, prefix: str = "test_") -> dict[str, str]:
        """The test cells that fail, with what they say."""
        said = {}
        for name, cell in self.cells.items():
            if name.startswith(prefix):
                for output in self.locked.run(cell):
                    if output.output_type == "error":
                        said[name] = output.evalue
        return said


@pytest.mark.parametrize("assignment", FILES)
def test_weights_that_were_handed_in_count(assignment, weights, tmp_path):
    with handed_in(assignment, weights / FILES[assignment], tmp_path) as submission:
        assert submission.failures("test_train") == {}


@pytest.mark.parametrize("assignment", ["5-convnet", "6-attention"])
def test_a_whole_submission_is_graded_soon(assignment, weights, tmp_path):
    began = time.monotonic()
    with handed_in(assignment, weights / FILES[assignment], tmp_path) as submission:
        assert submission.failures() == {}
    assert time.monotonic() - began < LONGEST


def test_without_the_file_only_its_own_check_fails(tmp_path):
    with handed_in("5-convnet", None, tmp_path) as submission:
        failures = submission.failures("test_train")
        assert set(failures) == {"test_train_mnist_accuracy"}
        assert "mnist_convnet.npz is missing" in failures["test_train_mnist_accuracy"]


def test_weights_of_another_sorter_cost_their_own_check_only(weights, tmp_path):
    with handed_in("6-attention", weights / FILES["6-attention"], tmp_path) as submission:
        wider = (
            "from_here = TransformerBlock\nTransformerBlock = lambda *a, **k: from_here(32, 4, 64)"
        )
        assert submission.student.run_cell(wider) == []
        failures = submission.failures("test_train")
        assert set(failures) == {"test_train_sorter_sorts"}
        [said] = [line for line in failures.popitem()[1].splitlines() if "FAIL" in line]
        assert "sorter.npz is of another network" in said


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 nothing"])
def test_a_sorter_without_a_whole_file_loses_that_check_only(content, tmp_path):
    if content is not None:
        (tmp_path / "sorter.npz").write_bytes(content)
    with handed_in("6-attention", None, tmp_path) as submission:
        failures = submission.failures()
        assert set(failures) == {"test_train_sorter_sorts"}
        [said] = [line for line in failures.popitem()[1].splitlines() if "FAIL" in line]
        assert re.search(r"sorter\.npz is (missing|no \.npz archive|damaged)", said), said


def test_a_pickle_in_the_file_is_not_run(weights, tmp_path):
    class Loud:
        def __reduce__(self):
            return Path.touch, (Path("owned"),)

    with np.load(weights / FILES["5-convnet"]) as archive:
        entries = dict(archive)
    np.savez(tmp_path / "mnist_convnet.npz", **entries | {"array_0": np.array(Loud(), object)})
    with handed_in("5-convnet", None, tmp_path) as submission:
        [said] = submission.failures("test_train").values()
        assert "holds pickles, which are never read" in said
        looks = "import os; print(os.path.exists('owned'))"
        assert submission.student.run_cell(looks)[0].text == "False\n"


def test_a_network_that_hangs_holds_nothing_up(weights, tmp_path):
    with handed_in("5-convnet", weights / FILES["5-convnet"], tmp_path) as submission:
        slow = "Conv2d.compute_output = lambda self, x: __import__('time').sleep(100)"
        assert submission.student.run_cell(slow) == []
        began = time.monotonic()
        failures = submission.failures("test_train_mnist")
        assert set(failures) == {"test_train_mnist_accuracy", "test_train_mnist_learns"}
        assert all("time limit" in said for said in failures.values())
        assert time.monotonic() - began < LONGEST


def test_what_is_handed_in_for_mnist_waits_for_a_grader_that_has_it(weights, tmp_path):
    with np.load(weights / FILES["5-convnet"]) as archive:
        entries = dict(archive)
    np.savez(tmp_path / "mnist_convnet.npz", **entries | {"data": np.array("MNIST")})
    with (
        handed_in("5-convnet", None, tmp_path) as submission,
        pytest.raises(data.DataError, match="Set BYHAND_DATA"),
    ):
        submission.failures("test_train_mnist_accuracy")


def test_an_assignment_without_training_has_no_file(tmp_path):
    assert write_weights(COURSE, "3-layers", tmp_path) is None
    assert list(tmp_path.iterdir()) == []


# MNIST stands beside the repository on some machines; elsewhere this is no test.
if SHARED.is_dir():

    @pytest.mark.parametrize("assignment", FILES)
    def test_the_reference_reaches_its_goal_on_mnist(assignment, tmp_path, monkeypatch):
        monkeypatch.setenv("BYHAND_DATA", str(SHARED))
        began = time.process_time()  # on one thread; other programs do not count
        history = write_weights(COURSE, assignment, tmp_path)
        assert time.process_time() - began < 180
        assert max(history.validation_accuracy) >= NEEDED[assignment]
        file = tmp_path / FILES[assignment]
        (tmp_path / "files").mkdir()
        with handed_in(assignment, file, tmp_path / "files") as submission:
            assert submission.failures("test_train") == {}
