"""Whatever comes from the student's side or in a file: declared errors, bounded memory and time."""

import json
import socket
import subprocess
import sys
import time
from contextlib import suppress

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.check.comparisons.numerical_gradient import Landscape
from byhand.grading.sandbox.kernel_session import read_output
from byhand.grading.sandbox.readable import LONGEST, Reader
from byhand.grading.submission.reading import UnreadableError, submitted_cells
from byhand.protocol.channel import HEAD, Channel, FrameError
from byhand.protocol.experiment import Given, Step
from byhand.protocol.wire import WireError, answer, unpack_experiment, unpack_outcomes

from .recipes.messages import ANSWERS, CHANNEL, FRAMES, TAMPERED

MOST = 300  # MiB, above what a harmless submission takes
UNLIMITED = settings(deadline=None, max_examples=300)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
KEYS = st.sampled_from(
    "array tensor transposed ref given opaque tuple dict outcomes value failure changed warnings "
    "steps output_type data text name ename evalue traceback stream error display_data <f8 put "
    "asks".split()
)
NEAR = SCALARS | KEYS | st.sampled_from(["<f8", "raised", 0, -1, 10**18, "\ud800", float("inf")])
JSON = st.recursive(
    NEAR,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
OUTCOME = {"value": None, "failure": None, "changed": [], "warnings": []}
BUFFERS = st.lists(st.binary(max_size=40), max_size=4)


def received(content: bytes) -> list:
    """The frames in these bytes, until they end or are none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(content)
        theirs.close()
        channel, frames = Channel(ours, 1000, 1000, 10), []
        try:
            while True:
                frames.append(channel.receive(time.monotonic() + 5))
        except (FrameError, EOFError):
            return frames


@UNLIMITED
@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_a_declared_error(content):
    received(content)


@UNLIMITED
@given(JSON, BUFFERS)
def test_what_is_sent_comes_as_it_was(head, buffers):
    text = json.dumps(head)
    sizes = b"".join(len(buffer).to_bytes(8, "little") for buffer in buffers)
    packed = HEAD.pack(len(text), len(buffers)) + sizes + text.encode() + b"".join(buffers)
    found = received(packed[: len(packed) // 2]) + received(packed)
    if len(text) <= 1000:
        [(again, parts)] = found
        assert json.dumps(again) == text
        assert list(map(bytes, parts)) == buffers


@UNLIMITED
@given(JSON, BUFFERS, st.integers(0, 3))
def test_outcomes_are_plain_data_or_a_wire_error(packed, buffers, count):
    for content in (packed, {"outcomes": packed}, {"outcomes": [{"value": packed}] * count}):
        with suppress(WireError):
            unpack_outcomes(content, list(buffers), count)
    for item in ({"failure": packed}, {"value": None, "note": packed}, [packed]):
        with pytest.raises(WireError):
            unpack_outcomes({"outcomes": [item]}, list(buffers), 1)


@UNLIMITED
@given(JSON, BUFFERS)
def test_experiments_are_experiments_or_a_wire_error(packed, buffers):
    for content in (packed, {"steps": packed, "seed": 0, "tensors": False, "autograd": True}):
        with suppress(WireError):
            unpack_experiment(content, list(buffers))


@UNLIMITED
@given(JSON, JSON, BUFFERS)
def test_a_question_has_an_answer_or_is_a_wire_error(asks, packed, buffers):
    landscape = Given(Landscape(np.ones(2), np.ones(2), 0.0))
    steps = [Step("put", landscape), Step("put", np.ones(2))]
    for number in (asks, 0, 1, -1, 2):
        for content in (packed, [{**OUTCOME, "value": packed}], [{**OUTCOME, "value": [packed]}]):
            with suppress(WireError):
                head, arrays = answer(steps, {"asks": number, "outcomes": content}, list(buffers))
                assert number in (0, False, -2)
                unpack_outcomes(json.loads(json.dumps(head)), arrays, 1)


@UNLIMITED
@given(JSON)
def test_an_output_is_one_that_a_notebook_can_hold(sent):
    for content in (sent, {"output_type": "error", "traceback": sent}, {"data": sent}):
        if (output := read_output(content)) is not None:
            cell = nbformat.v4.new_code_cell(outputs=[output])
            nb = nbformat.v4.new_notebook(cells=[cell])
            nbformat.validate(nb)
            nbformat.writes(nb).encode("utf-8")


@UNLIMITED
@given(JSON, JSON)
def test_any_json_is_a_notebook_or_is_named_as_none(tmp_path_factory, cells, metadata):
    path = tmp_path_factory.getbasetemp() / "fuzzed.ipynb"
    cell = {"cell_type": "code", "source": cells, "metadata": metadata, "id": metadata}
    for content in (cells, {"nbformat": 4, "cells": cells}, {"nbformat": metadata, "cells": [cell]},
                    {"nbformat": 3, "worksheets": cells}):  # fmt: skip
        path.write_text(json.dumps(content))
        with suppress(UnreadableError):
            for found in submitted_cells(path):
                assert isinstance(found.source, str)
                found.source.encode("utf-8")


@pytest.mark.parametrize(
    "text",
    ["(" * 150_000, "-" * 150_000 + "1", "a" + ".b" * 70_000, "!a\n" * 3000, "%a\n" * 60_000,
     "x" * (LONGEST + 1), "def f():\n pass\n" * 12_000, "a?\n" * 40_000],
)  # fmt: skip
def test_no_text_takes_the_judge_long(text):
    reader, began = Reader(), time.monotonic()
    for _ in range(40):
        reader.reads(text)
    assert time.monotonic() - began < 60  # 10 s of a quiet machine, and the last trial
    assert Reader().reads("class Linear(Module):\n    pass")


SESSION = """
import resource, sys, json
from pathlib import Path
from byhand.grading.sandbox.kernel import Limits
from byhand.grading.sandbox.kernel_session import Allowed, KernelSession
from byhand.protocol.experiment import Experiment

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def session(*cells):
    allowed = Allowed(Limits(), cell_seconds=2, experiment_seconds=2)
    with KernelSession({}, allowed) as student:
        for cell in cells:
            student.run_cell(cell)
        experiment = Experiment()
        experiment.call("Linear")
        student.run(experiment)

session("class Linear: pass")
before = peak()
frames, answers = json.load(sys.stdin)
for code in frames:
    session(code)
for code in answers:
    session("class Linear: asked = True", "import numpy as np\\nCOURSE = '.'\\n" + code)
print(peak() - before)
"""


def test_the_judge_stays_small_whatever_is_sent():
    frames = [CHANNEL + code for _, code in FRAMES.values()]
    answers = [CHANNEL + code + TAMPERED for _, code in ANSWERS.values()]
    done = subprocess.run(
        [sys.executable, "-c", SESSION], capture_output=True, text=True,
        input=json.dumps([frames, answers]), check=True,
    )  # fmt: skip
    assert float(done.stdout) < MOST
