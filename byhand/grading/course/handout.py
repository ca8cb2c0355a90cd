"""What leaves the course's folder: the zip for students, and the copy for another term."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from byhand.grading.course.notebooks import HIDDEN, CourseError, assignments, nearest, read
from byhand.grading.course.release import LEFT_BEHIND

SOLVED = ("### BEGIN SOLUTION", HIDDEN, "### END HIDDEN TESTS")
# What a year leaves in a course: the work of its students, grades, what can be made again.
OF_A_YEAR = {"submitted", "autograded", "feedback", "downloaded", "exchange", "build", "weights"}
OF_A_MACHINE = LEFT_BEHIND | {".git", ".venv", ".pytest_cache", ".ruff_cache", ".hypothesis"}
FILES_OF_A_YEAR = ("gradebook.db*", "*.npz", "comparison.json", ".nbgrader.log", "*.egg-info")


def write_handout(course: Path, assignment: str, to: Path) -> Path:
    """Write <assignment>.zip into a folder: the released notebook and what stands beside it, the
    package as a wheel, requirements.txt and the students' page. Raises CourseError, also if the
    release holds a solution or a hidden test; an earlier file is kept then.
    """
    if assignment not in (names := assignments(course)):
        raise CourseError(nearest("assignment", assignment, names))
    release, page = course / "release" / assignment, course / "docs" / "students.md"
    files = {
        path: path.relative_to(release).as_posix()
        for path in sorted(release.rglob("*"))
        if path.is_file() and not LEFT_BEHIND & set(path.parts)
    }
    if not any(path.suffix == ".ipynb" for path in files):
        raise CourseError(f"{release} holds no notebook: run `byhand release {assignment}`.")
    for path in [path for path in files if path.suffix == ".ipynb"]:
        if any(mark in cell.source for cell in read(path).cells for mark in SOLVED):
            raise CourseError(f"{path} holds a solution or a hidden test: `byhand release` again.")
    pictures = sorted((course / "docs" / "pictures").glob("*"))
    files |= {course / "requirements.txt": "requirements.txt", page: "students.md"}
    files |= {path: f"pictures/{path.name}" for path in pictures if path.name in page.read_text()}
    with tempfile.TemporaryDirectory(prefix="byhand-handout-") as scratch:
        wheel = _wheel(course, Path(scratch))
        part = Path(scratch) / "part.zip"
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, name in (files | {wheel: wheel.name}).items():
                archive.write(path, f"{assignment}/{name}")
        to.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(part, to / f"{assignment}.zip"))


def new_term(course: Path, to: Path) -> None:
    """Copy a course into a folder that is not there yet, without the work of its students, the
    gradebook and what this machine made. Raises CourseError."""
    to = to.resolve()
    if to.exists():
        raise CourseError(f"{to} is there already: name a folder that is not.")
    if to.is_relative_to(course):
        raise CourseError(f"{to} is inside this course: name a folder beside it.")

    def left(folder: str, names: list[str]) -> set[str]:
        if Path(folder).parent == course and Path(folder).name in OF_A_YEAR:
            return set(names) - {"README.md"}
        patterns = shutil.ignore_patterns(*FILES_OF_A_YEAR, *OF_A_MACHINE)
        return patterns(folder, names)

    shutil.copytree(course, to, ignore=left, symlinks=True)
    for name in OF_A_YEAR:
        if (to / name).is_dir() and not any((to / name).iterdir()):
            (to / name).rmdir()


def _wheel(course: Path, folder: Path) -> Path:
    """The package as one file. Raises CourseError."""
    source = folder / "source"  # setuptools writes beside what it builds
    shutil.copytree(course / "byhand", source / "byhand", ignore=shutil.ignore_patterns("__py*"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-notebooks"):
        if (course / name).exists():
            shutil.copy(course / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(f"the package cannot be built: {done.stderr.strip()[-500:]}")
    return next(folder.glob("*.whl"))
