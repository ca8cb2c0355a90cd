"""Where a gradient is asked for by hand, PyTorch's autograd is nowhere to be had."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from byhand.grading.sandbox import bubblewrap
from byhand.grading.sandbox.bubblewrap import SandboxError
from byhand.grading.sandbox.kernel import Limits, start_kernel

from .recipes.gradients import AUTOGRAD, BY_HAND, ONE_BY_ONE, Gradients
from .test_kernel_session import WITH_TORCH, Kernel, solved

TASK = "manual_gradients"
CELL = f"test_{TASK}_w2"
RUNGS = ["bubblewrap", "landlock"]


def by_name(recipes: list[Gradients]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("tried", recipes, ids=[recipe.name for recipe in recipes])


@pytest.fixture(scope="module", params=RUNGS)
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    folder = tmp_path_factory.mktemp("files")
    with solved(WITH_TORCH, folder, rung=request.param) as kernel:
        yield kernel


def passes(kernel: Kernel, tried: Gradients) -> bool:
    kernel.student.run_cell(tried.cell, own=True)
    only = replace(kernel, tests={CELL: kernel.tests[CELL]})
    return only.lost(TASK, tried.source) == set()


@by_name(BY_HAND)
def test_the_chain_rule_in_any_form_has_its_points(kernel: Kernel, tried: Gradients):
    assert passes(kernel, tried)
    assert kernel.student.causes == []


@by_name(AUTOGRAD)
def test_autograd_has_no_points(kernel: Kernel, tried: Gradients):
    assert not passes(kernel, tried)


@by_name(ONE_BY_ONE)
def test_one_number_at_a_time_takes_too_long(tried: Gradients, tmp_path: Path):
    with solved(WITH_TORCH, tmp_path, experiment_seconds=2) as kernel:
        assert not passes(kernel, tried)


def test_after_all_that_the_chain_rule_has_its_points(kernel: Kernel):
    assert kernel.lost(TASK, kernel.solutions[TASK]) == set()


def test_a_kernel_that_would_record_does_not_start(monkeypatch: pytest.MonkeyPatch):
    path = bubblewrap.torch_places()[0] / bubblewrap.CORE
    monkeypatch.setattr(bubblewrap, "core_without_autograd", path.read_bytes)
    kernel = start_kernel({}, Limits(), torch=True, autograd=False)
    with pytest.raises(RuntimeError, match="records for autograd"):
        kernel.wait_until_ready()
    kernel.stop()


def test_a_pytorch_that_is_built_in_another_way_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bubblewrap, "RECORDS", "elsewhere")
    bubblewrap.core_without_autograd.cache_clear()
    with pytest.raises(SandboxError, match=r"cannot be switched off in .*libc10.so: .*elsewhere"):
        bubblewrap.core_without_autograd()
