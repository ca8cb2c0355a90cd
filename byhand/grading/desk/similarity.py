"""`byhand similarity`: solutions and weights that are too alike to be two people's.

copydetect makes fingerprints of the solution cells: runs of LENGTH characters of the code in which
all names are equal and comments, layout and texts are gone (winnowing: Schleimer, Wilkerson and
Aiken, 2003). What the course hands out is subtracted, and what many of the class have written, each
on their own: long solutions that are nearly the same count once.
"""

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import numpy as np
from copydetect import CodeFingerprint, compare_files
from copydetect.utils import highlight_overlap
from markupsafe import Markup
from scipy.sparse import csr_array

from byhand.checkpoints import CheckpointError, read_checkpoint
from byhand.grading.course.notebooks import (
    CourseError,
    assignments,
    given_source,
    grade_id,
    read,
    source_notebook,
)
from byhand.grading.desk.cards import solutions
from byhand.grading.desk.page import write
from byhand.grading.plugins.class_grades import known, opened
from byhand.grading.submission.markup import MOST_CODE
from byhand.grading.submission.names import printable
from byhand.grading.submission.reading import UnreadableError
from byhand.handin import TRAINED

LENGTH = 15  # characters of a run
SHORTEST = 60  # runs of a task that can be told apart; shorter solutions are bound to be alike
ALIKE = 0.55  # share of common runs from which on a pair is shown: bench/similarity.py
COMMON, MANY = 0.2, 5  # what more than this share of a class has written, and more than so many
COPIES = 0.9  # share of common runs from which on two long solutions count as one of these
MOST_PAIRS = 50  # on the page


@dataclass(frozen=True)
class Pair:
    """Two students. alike: by task, the share of common runs, where it is ALIKE or more; whole: of
    all their tasks; runs: how many they have in common."""

    first: str
    second: str
    whole: float
    runs: int
    alike: dict[str, float]


@dataclass(frozen=True)
class SameWeights:
    """Students with the same checkpoint. run: whether even the seconds of each epoch are equal."""

    file: str
    students: list[str]
    run: bool


def write_similarity(course: Path, assignment: str, to: Path) -> tuple[Path, list[Pair]]:
    """Write similarity-<assignment>.html into a folder; its path, and the pairs that are alike.

    Raises CourseError for an assignment that is not in the gradebook, or without its release.
    """
    with opened(course) as (gradebook, _, coursedir):
        known(gradebook, assignment)
        people = sorted(student.id for student in gradebook.students)

    def folder(student: str) -> Path:
        return Path(coursedir.format_path(coursedir.autograded_directory, student, assignment))

    written, unread = {}, []
    for student in people:
        for path in sorted(folder(student).glob("*.ipynb")):
            try:
                written[student] = solutions(path)
            except UnreadableError as error:
                unread.append(f"{student}: {error}"[:300])
    prints = fingerprints(written, handed_out(course, assignment))
    pairs = alike(prints)
    path = to / f"similarity-{assignment}.html"
    write(
        path,
        "similarity.html.j2",
        assignment=assignment,
        students=len(written),
        pairs=[(pair, list(passages(pair, prints))) for pair in pairs[:MOST_PAIRS]],
        found=len(pairs),
        same=same_weights(assignment, people, folder),
        unread=unread,
        alike=ALIKE,
    )
    return path, pairs


def handed_out(course: Path, assignment: str) -> dict[str, str]:
    """By task: what students were given, its cell and given.py. Raises CourseError."""
    released = sorted((course / "release" / assignment).glob("*.ipynb"))
    if not released or assignment not in assignments(course):
        raise CourseError(
            f"release/{assignment} holds no notebook, so what was handed out cannot be "
            f"subtracted: run `nbgrader generate_assignment {assignment}`."
        )
    given = given_source(source_notebook(course, assignment))
    cells = [cell for path in released for cell in read(path).cells]
    named = ((grade_id(cell, "solution"), cell.source) for cell in cells)
    return {name: f"{source}\n\n\n{given}" for name, source in named if name}


def fingerprints(
    written: dict[str, dict[str, str]], given: dict[str, str]
) -> dict[str, dict[str, CodeFingerprint]]:
    """By task and student: the runs of what they wrote themselves.

    written: by student and task; given: by task.
    """
    found: dict[str, dict[str, CodeFingerprint]] = {}
    for task, template in given.items():
        ours = _print(template).hashes
        made = {who: _print(texts[task]) for who, texts in written.items() if task in texts}
        own = [one.hashes - ours for one in made.values()]
        count = Counter(run for runs in _distinct(own) for run in runs)
        many = max(MANY, COMMON * len(made))
        dropped = ours | {run for run, times in count.items() if times > many}
        for one in made.values():
            one.hashes = one.hashes - dropped
            one.hash_idx = {
                run: places for run, places in one.hash_idx.items() if run in one.hashes
            }
        found[task] = {who: one for who, one in made.items() if one.hashes}
    return found


def alike(prints: dict[str, dict[str, CodeFingerprint]]) -> list[Pair]:
    """The pairs that share ALIKE or more of a task, or of everything; the most in common first."""
    people = sorted({student for made in prints.values() for student in made})
    number = {student: place for place, student in enumerate(people)}
    shape = len(people), len(people)
    common, sizes = np.zeros(shape, int), np.zeros(len(people), int)
    tasks: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
    for task, made in prints.items():
        own, size = _common([one.hashes for one in made.values()])
        at = np.array([number[student] for student in made], int)
        common[np.ix_(at, at)] += own
        sizes[at] += size
        share = _shares(own, size)
        for i, j in np.argwhere(np.triu(share >= ALIKE, 1)):
            tasks[tuple(sorted((at[i], at[j])))][task] = float(share[i, j])
    whole = _shares(common, sizes)
    for i, j in np.argwhere(np.triu(whole >= ALIKE, 1)):
        tasks[i, j]  # a pair, if no task is alike by itself
    pairs = [
        Pair(people[i], people[j], float(whole[i, j]), int(common[i, j]), found)
        for (i, j), found in tasks.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair.runs, pair.first, pair.second))


def passages(
    pair: Pair, prints: dict[str, dict[str, CodeFingerprint]]
) -> Iterator[tuple[str, float, Markup, Markup]]:
    """For each task of a pair: its name, the share, and both texts with what they share marked."""
    for task, made in prints.items():
        both = [made.get(student) for student in (pair.first, pair.second)]
        if all(both) and (task in pair.alike or not pair.alike):
            first, second = both
            _, _, places = compare_files(first, second)
            shared = len(first.hashes & second.hashes)
            share = 2 * shared / (len(first.hashes) + len(second.hashes))
            marked = (_marked(one, where) for one, where in zip(both, places, strict=True))
            if shared:
                yield task, share, *marked


def same_weights(
    assignment: str, people: list[str], folder: Callable[[str], Path]
) -> list[SameWeights]:
    """Groups of students whose networks have the same weights, or whose runs the same losses."""
    found = []
    for name in [name for name in TRAINED.get(assignment, []) if name.endswith(".npz")]:
        groups, seconds = defaultdict(set), {}
        for student in people:
            try:
                checkpoint = read_checkpoint(folder(student) / name)
            except CheckpointError:
                continue  # the report names it
            history = checkpoint.history
            weights = b"".join(array.tobytes() for array in checkpoint.arrays)
            seconds[student] = tuple(history.seconds)
            groups["weights", sha256(weights).digest()].add(student)
            if history.loss:
                groups["losses", tuple(history.loss)].add(student)
        several = {frozenset(group) for group in groups.values() if len(group) > 1}
        for group in sorted(several, key=sorted):
            run = any(a == b != () for a, b in combinations([seconds[one] for one in group], 2))
            found.append(SameWeights(name, sorted(group), run))
    return found


def _print(source: str) -> CodeFingerprint:
    text = printable(source[:MOST_CODE], newlines=True)
    made = CodeFingerprint("cell", LENGTH, 1, language="python", fp=io.StringIO(text))
    if len(made.offsets):  # those of class names are not counted on
        made.offsets[:, 1] = np.maximum.accumulate(made.offsets[:, 1])
    return made


def _distinct(runs: list[set[int]]) -> list[set[int]]:
    """Of long solutions with COPIES of their runs in common, the first alone."""
    share = _shares(*_common(runs))
    kept: list[int] = []
    for number in range(len(runs)):
        if not (share[number, kept] >= COPIES).any():
            kept.append(number)
    return [runs[number] for number in kept]


def _shares(common: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(S, S) the share of their runs that each two have in common; 0 where one has too few."""
    share = 2 * common / np.maximum(size[:, None] + size, 1)
    share[(size < SHORTEST)[:, None] | (size < SHORTEST)] = 0
    return share


def _common(runs: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) how many runs each two have in common, and (S,) how many each has."""
    column = {run: place for place, run in enumerate({run for one in runs for run in one})}
    at = [column[run] for one in runs for run in one]
    ends = np.cumsum([0, *map(len, runs)])
    table = csr_array((np.ones(len(at), np.int32), at, ends), shape=(len(runs), len(column)))
    return (table @ table.T).toarray(), np.diff(ends)


def _marked(one: CodeFingerprint, places: np.ndarray) -> Markup:
    """A text as HTML, the passages that are shared marked."""
    if not np.size(places):
        return Markup("{}").format(one.raw_code)
    where = np.asarray(places, int)
    return Markup(highlight_overlap(one.raw_code, where, "<mark>", "</mark>", escape_html=True)[0])
