"""Source notebooks: their reference module, grading without a kernel."""

import inspect
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from byhand.grading.course import notebooks
from byhand.grading.course.notebooks import CourseError

from .tiny import COURSE, tiny_notebook, write_course


def totals(results: dict[str, notebooks.CellResult]) -> dict[str, float]:
    return {test: result.points for test, result in results.items()}


def test_a_test_cell_belongs_to_the_task_with_the_longest_name():
    tasks = ["linear", "linear_forward", "softmax", "log_softmax"]
    assert notebooks.task_of("test_linear", tasks) == "linear"
    assert notebooks.task_of("test_linear_backward", tasks) == "linear"
    assert notebooks.task_of("test_linear_forward_big", tasks) == "linear_forward"
    assert notebooks.task_of("test_log_softmax", tasks) == "log_softmax"
    assert notebooks.task_of("test_max", tasks) is None


def test_solution_cells_come_without_markers(source: Path):
    solutions = notebooks.solution_cells(source)
    assert list(solutions) == ["double", "root"]
    assert solutions["double"] == 'def double(x):\n    """2 x"""\n    return 2 * x\n'


def test_the_reference_is_a_module_with_readable_source(source: Path):
    nb = tiny_notebook()
    nb.cells[1].source = "import math\nimport json as unused"
    nb.cells[2].source = "class Double:\n    def twice(self, x):\n        return 2 * x"
    nbformat.write(nb, source)
    module = notebooks.reference(source)
    assert module.root(9) == 3
    assert module.Double().twice(4) == 8
    assert inspect.getsource(module).startswith("import math\n\n\nclass Double")
    assert inspect.getsource(module.Double).startswith("class Double")
    assert inspect.getsource(module.root).startswith("def root")


def test_a_source_notebook_gets_all_its_points(source: Path):
    results = notebooks.grade(source)
    assert totals(results) == {"test_double": 5, "test_root_exact": 3, "test_root_close": 2}
    assert all(result.message == "" for result in results.values())


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ("def double(x):\n    return abs(2 * x)", "AssertionError: a negative number"),
        ("def double(x): return 2 *", "NameError"),
        ("raise ValueError('in the cell itself')", "NameError"),
        ("def double(x):\n    raise NotImplementedError", "NotImplementedError"),
    ],
)
def test_a_mistake_costs_its_own_test_only(source: Path, replaced: str, message: str):
    results = notebooks.grade(source, {"double": replaced})
    assert totals(results) == {"test_double": 0, "test_root_exact": 3, "test_root_close": 2}
    assert message in results["test_double"].message


def test_half_of_a_task_earns_half(source: Path):
    results = notebooks.grade(source, {"root": "def root(x):\n    return x // 2"})
    assert totals(results) == {"test_double": 5, "test_root_exact": 3, "test_root_close": 0}


def test_the_tests_of_some_tasks_can_be_run_alone(source: Path):
    results = notebooks.grade(source, {"double": "def double(x):\n    return x"}, only=["root"])
    assert totals(results) == {"test_root_exact": 3, "test_root_close": 2}
    assert notebooks.grade(source, only=[]) == {}
    with pytest.raises(CourseError, match="no solution cell treble"):
        notebooks.grade(source, only=["treble"])


def test_inspect_knows_the_classes_of_a_graded_notebook(source: Path):
    nb = tiny_notebook()
    nb.cells[1].source = "import inspect, math"
    nb.cells[2].source = "\n\nclass Double:\n    def twice(self, x):\n        return 2 * x"
    nb.cells[3].source = (
        "assert inspect.getsource(Double).startswith('class Double')\n"
        "assert inspect.getsource(Double.twice).endswith('return 2 * x\\n')\n"
        "assert inspect.getsource(root).startswith('def root')"
    )
    nb.cells[3], nb.cells[4] = nb.cells[4], nb.cells[3]
    nbformat.write(nb, source)
    assert notebooks.grade(source)["test_double"].message == ""


def test_cells_without_points_are_not_run(source: Path):
    nb = tiny_notebook()
    nb.cells.insert(2, nbformat.v4.new_code_cell("def root(x): ...\nmath.sqrt = None", id="plot"))
    nbformat.write(nb, source)
    assert sum(totals(notebooks.grade(source)).values()) == 10


def with_given(source: Path, text: str) -> Path:
    nb = tiny_notebook()
    nb.cells[1].source = "import math\nfrom given import two"
    nb.cells[2].source = "def double(x):\n    return two * x"
    nbformat.write(nb, source)
    source.with_name("given.py").write_text(text)
    return source


def test_given_is_found_beside_the_notebook_and_is_not_shared(source: Path, tmp_path: Path):
    with_given(source, "two = 2")
    other = with_given(write_course(tmp_path / "other"), "two = 3")
    before = sys.path.copy()
    assert notebooks.grade(source)["test_double"].message == ""
    assert notebooks.grade(other)["test_double"].message == "AssertionError: double(1) should be 2"
    assert [notebooks.reference(path).double(2) for path in (source, other, source)] == [4, 6, 4]
    assert "given" not in sys.modules
    assert sys.path == before
    assert [p.name for p in source.parent.iterdir()] == ["tiny.ipynb", "given.py"]


def test_a_given_that_was_imported_before_comes_back(source: Path, monkeypatch):
    own = ModuleType("given")
    monkeypatch.setitem(sys.modules, "given", own)
    notebooks.grade(with_given(source, "two = 2"))
    assert sys.modules["given"] is own


@pytest.mark.parametrize("path", sorted((COURSE / "source").glob("*/*.ipynb")), ids=str)
def test_no_setup_cell_defines_what_a_student_has_to_write(path: Path):
    """The judge takes a name of the setup cell for the course's own."""
    cells = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in notebooks.read(path).cells}
    written = notebooks.solution_cells(path)
    with notebooks.given_beside(path):
        setup = vars(notebooks.module_from(cells["setup"].source, "byhand_setup"))
        defined = vars(
            notebooks.module_from(
                "\n".join([cells["setup"].source, *written.values()]), "byhand_all"
            )
        )
    own = {name for name, value in defined.items() if setup.get(name, value) is not value}
    assert own <= {"__name__", "__file__", "__builtins__"}


def test_an_unknown_solution_cell_is_named(source: Path):
    with pytest.raises(CourseError, match="no solution cell treble"):
        notebooks.grade(source, {"treble": ""})


def test_a_folder_without_a_course_is_named(tmp_path: Path):
    with pytest.raises(CourseError, match="no course here"):
        notebooks.find_course(tmp_path)


def test_the_course_is_found_from_within(source: Path):
    course = source.parents[2]
    assert notebooks.find_course(source.parent) == course
    assert notebooks.assignments(course) == ["1-tiny"]
    assert notebooks.source_notebook(course, "1-tiny") == source


def test_an_unreadable_source_notebook_is_named(source: Path):
    source.write_text("{")
    with pytest.raises(CourseError, match=r"tiny\.ipynb: not a notebook"):
        notebooks.read(source)
