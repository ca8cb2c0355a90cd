"""`byhand doctor`: one line a check, and an exit code that says whether grading would work."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from typer.testing import CliRunner, Result

from byhand import data
from byhand.__main__ import app
from byhand.grading import doctor
from byhand.grading.sandbox import bubblewrap, rungs

from .tiny import COURSE

Usage = namedtuple("Usage", "free")


@pytest.fixture
def course(tmp_path: Path, monkeypatch) -> Path:
    """A course whose configuration is this one's."""
    (tmp_path / "source").mkdir()
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(COURSE / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "at_hand", lambda: data.small_digits())
    return tmp_path


@pytest.fixture
def machine(monkeypatch):
    """machine(bubblewrap="why not", ...): what this machine does not give."""

    def machine(**troubles: str) -> None:
        monkeypatch.setattr(rungs, "trouble", lambda rung: troubles.get(rung, ""))

    machine()
    return machine


def byhand_doctor() -> Result:
    return CliRunner().invoke(app, ["doctor"])


def lines(state: str) -> list[str]:
    return [line for line in byhand_doctor().output.splitlines() if line.startswith(state)]


def test_a_machine_that_can_grade(course: Path, machine):
    done = byhand_doctor()
    assert done.exit_code == 0, done.output
    said = done.output.splitlines()
    assert not [line for line in said if line.startswith(doctor.WRONG)]
    for what in (
        "Python 3.",
        "nbgrader 0.9.",
        "torch 2.13.0",
        "other packages",
        "kernel `python3`",
    ):
        assert sum("ok     " in line and what in line for line in said) == 1, what
    assert any(line.startswith("ok     sandbox: bubblewrap, ") for line in said)
    assert any(line.startswith("note   MNIST is not here") for line in said)
    assert any(line.endswith(f"GiB free in {course}") for line in said)


def test_the_next_rung_is_used_and_the_step_to_the_better_one_is_told(course: Path, machine):
    machine(bubblewrap="not installed")
    assert byhand_doctor().exit_code == 0
    assert any("sandbox: landlock (version " in line for line in lines(doctor.GOOD))
    [said] = [line for line in lines(doctor.NOTE) if "no sandbox 'bubblewrap'" in line]
    assert "since not installed: " in said


def test_a_pytorch_in_which_autograd_cannot_be_switched_off_is_named(
    course: Path, machine, monkeypatch
):
    bubblewrap.core_without_autograd.cache_clear()
    monkeypatch.setattr(bubblewrap, "NEVER", {})
    assert byhand_doctor().exit_code == 1
    assert "autograd cannot be switched off in " in lines("WRONG")[0]


def test_without_a_sandbox_that_will_do_grading_would_fail(course: Path, machine):
    machine(bubblewrap="not installed", landlock="too old")
    assert byhand_doctor().exit_code == 1
    assert "no sandbox that will do (c.Judge.rungs: bubblewrap, landlock)" in lines("WRONG")[0]
    config = course / "nbgrader_config.py"
    with config.open("a") as file:
        file.write('c.Judge.rungs = ["bubblewrap", "none"]\n')
    assert byhand_doctor().exit_code == 0
    assert any("sandbox: none; not promised" in line for line in lines(doctor.NOTE))


def test_a_rung_that_does_not_exist(course: Path, machine):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.Judge.rungs = ["chroot"]\n')
    assert "c.Judge.rungs names 'chroot'" in lines("WRONG")[0]


@pytest.mark.parametrize(
    ("settings", "step"),
    [
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, "AppArmor keeps user namespaces"),
        ({"user/max_user_namespaces": "0"}, "sudo sysctl user.max_user_namespaces=10000"),
        ({"kernel/unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone=1"),
        ({}, "0.8 or newer"),
    ],
)
def test_the_step_to_bubblewrap(tmp_path: Path, monkeypatch, settings: dict[str, str], step: str):
    for name, value in settings.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    monkeypatch.setattr(doctor, "KERNEL", tmp_path)
    monkeypatch.setattr(doctor, "IN_CONTAINER", [])
    monkeypatch.delenv(doctor.OF_THE_POD, raising=False)
    monkeypatch.setattr(doctor.os, "getuid", lambda: 1000)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert step in doctor.step_to("bubblewrap")


def test_the_step_in_a_container_and_where_bubblewrap_is_missing(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(doctor, "KERNEL", tmp_path)
    monkeypatch.setenv(doctor.OF_THE_POD, "10.0.0.1")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert "--unshare-user" in doctor.step_to("bubblewrap")
    assert "seccomp profile that allows landlock_*" in doctor.step_to("landlock")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert "apt install bubblewrap" in doctor.step_to("bubblewrap")


def test_versions_that_pyproject_does_not_allow(course: Path, machine):
    project = course / "pyproject.toml"
    text = project.read_text()
    text = text.replace("nbgrader>=0.9.6", "nbgrader>=99").replace(">=3.11", ">=99")
    project.write_text(text.replace('"tqdm"', '"no-such-package"'))
    wrong = lines("WRONG")
    assert len(wrong) == 3
    assert "it must be >=99" in wrong[0]
    assert "nbgrader 0.9.6: pyproject.toml asks for nbgrader>=99" in wrong[1]
    assert "no-such-package is not installed" in wrong[2]
    assert byhand_doctor().exit_code == 1


def test_a_configuration_that_cannot_be_read_or_has_no_judge(course: Path, machine):
    config = course / "nbgrader_config.py"
    text = config.read_text()
    config.write_text("c = get_config(\n")
    assert "cannot be read: SyntaxError" in lines("WRONG")[0]
    config.write_text(text.replace("Judge if step is Execute else step", "step"))
    assert "students' code would run outside of a sandbox" in lines("WRONG")[0]


def test_a_kernel_that_is_missing_or_gone(course: Path, machine, monkeypatch, tmp_path: Path):
    def missing(self, name: str):
        raise NoSuchKernel(name)

    def gone(self, name: str):
        return namedtuple("Spec", "argv")([str(tmp_path / "gone")])

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", missing)
    assert "there is no Jupyter kernel" in lines("WRONG")[0]
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", gone)
    assert "which is gone" in lines("WRONG")[0]


def test_damaged_data_and_a_full_disk(course: Path, machine, monkeypatch):
    def damaged() -> data.Digits:
        raise data.DataError("train-images: not MNIST. Put the original in its place.")

    monkeypatch.setattr(data, "at_hand", damaged)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: Usage(free=2**20))
    wrong = lines("WRONG")
    assert wrong[0] == "WRONG  MNIST: train-images: not MNIST. Put the original in its place."
    assert f"0.0 GiB free in {course}: 1 GiB is needed" in wrong[1]
    assert byhand_doctor().exit_code == 1


def test_a_formgrader_on_a_hub_that_would_not_find_the_judge_is_told_of(
    course: Path, machine, monkeypatch, tmp_path: Path
):
    assert "formgrader on this hub" not in byhand_doctor().output
    monkeypatch.setenv(doctor.ON_A_HUB, "instructor")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(own := tmp_path / "jupyter"))
    assert any("formgrader on this hub would run" in line for line in lines(doctor.NOTE))
    own.mkdir()
    (own / "nbgrader_config.py").write_text("c = get_config()\n")
    assert any("formgrader on this hub would run" in line for line in lines(doctor.NOTE))
    named = f'load_subconfig("nbgrader_config.py", path={str(course)!r})\n'
    (own / "nbgrader_config.py").write_text(f"c = get_config()\n{named}")
    assert any(f"formgrader on this hub, {own}" in line for line in lines(doctor.GOOD))
