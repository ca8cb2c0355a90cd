"""What a late submission costs, and how deadlines are written down."""

from datetime import UTC, datetime, timedelta

import pytest

from byhand.grading.plugins.late_policy import deadlines, late_grade

WEEK = timedelta(days=7)
DAY = 86400


@pytest.mark.parametrize(
    ("score", "seconds", "grade"),
    [
        (10, 0, 10),
        (10, DAY, 8.5),
        (10, 4 * DAY, 5.22),
        (10, 60, 10.0),
        (10, 60 * 60, 9.93),
        (10, DAY / 2, 9.22),
        (7.25, 2 * DAY, 5.24),
        (0, DAY, 0),
        (10, 7 * DAY, 3.21),
        (10, 7 * DAY + 1, 0),
    ],
)
def test_a_grade_shrinks_by_15_percent_a_day_and_ends_at_the_hard_deadline(score, seconds, grade):
    assert late_grade(score, seconds, WEEK) == grade


def test_without_a_hard_deadline_something_always_stays():
    assert late_grade(10, 20 * DAY) == 0.39


def test_rounding_never_gains():
    assert late_grade(0.666, 1, WEEK) == 0.666


def test_deadlines_know_summer_time():
    table = {"a": ("2026-03-28 12:00", "2026-03-29 12:00")}
    made = deadlines("Europe/Paris", table)["a"]
    assert made.soft == datetime(2026, 3, 28, 11, tzinfo=UTC)
    assert made.hard == datetime(2026, 3, 29, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "times", "message"),
    [
        ("Mars/Olympus", ("2026-03-02", "2026-03-03"), "'Mars/Olympus' is not a time zone"),
        ("Europe", ("2026-03-02", "2026-03-03"), "'Europe' is not a time zone"),
        ("UTC", ("2026-03-02", "soon"), "a: .*'soon'.* is not a pair of times"),
        ("UTC", ("2026-03-02",), "is not a pair of times"),
        ("UTC", "2026-03-02", "is not a pair of times"),
        ("UTC", ("2026-03-02", "2026-03-01"), "2026-03-01 is before the soft one"),
    ],
)
def test_a_wrong_deadline_stops_nbgrader_with_one_line(zone, times, message):
    with pytest.raises(SystemExit, match=message) as stop:
        deadlines(zone, {"a": times})
    assert "\n" not in stop.value.code
