"""A student's kernel ends with all that it has started, and leaves nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from byhand.grading.sandbox import cgroups, leftovers
from byhand.grading.sandbox.kernel import Limits

from .kernels import RUNGS, SMALL, MiB, runs, wait_until

DAEMON = """
import os, signal, time
for stopped in [False, True]:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if stopped:
                os.kill(os.getpid(), signal.SIGSTOP)
            os.execvp("sleep", ["sleep", "600"])
        os._exit(0)
    os.wait()
"""


@RUNGS
@pytest.mark.parametrize("with_groups", [True, False])
def test_daemons_end_with_the_kernel(start, monkeypatch, with_groups, rung):
    if not with_groups:
        monkeypatch.setattr(cgroups, "places", list)
    kernel = start(SMALL if with_groups else Limits(), rung=rung)
    kernel.run(DAEMON)
    outer = psutil.Process(kernel.process.pid)

    def family() -> list[psutil.Process]:
        return outer.children(recursive=True)

    many = 4 if rung == "bubblewrap" else 3
    wait_until(lambda: len(family()) == many, 5, "the kernel, two daemons, bwrap's second process")
    before = family()
    began = time.monotonic()
    kernel.kernel.stop()
    wait_until(lambda: not any(map(runs, before)), 1, "all of them to end")
    assert time.monotonic() - began < 1.0


@RUNGS
def test_nothing_is_left(start, rung):
    kernel = start(rung=rung)
    kernel.run("open('x', 'w').write('x')")
    traces = [kernel.folder, *kernel.groups]
    assert all(trace.exists() for trace in traces)
    assert kernel.folder.stat().st_mode & 0o777 == 0o700
    kernel.stop()
    assert not any(trace.exists() for trace in traces)


def test_nothing_is_left_of_a_kernel_that_was_killed_from_outside(start):
    kernel = start()
    os.kill(kernel.process.pid, signal.SIGKILL)
    wait_until(lambda: not kernel.kernel.is_alive(), 5, "the kernel to die")
    kernel.stop()
    assert not any(trace.exists() for trace in [kernel.folder, *kernel.groups])


KILLED_RUN = """
import sys, time
from byhand.grading.sandbox.kernel import Limits, start_kernel
kernel = start_kernel({}, Limits(), rung=sys.argv[1])
kernel.wait_until_ready()
kernel.channel.send({"cell": sys.argv[2], "seconds": 60, "id": ""})
while "done" not in kernel.channel.receive()[0]:
    pass
kernel.channel.send({"cell": "while True: pass", "seconds": 60, "id": ""})
group = kernel.group
print(*[kernel.folder, *(group.folders if group else [])], flush=True)
time.sleep(60)
"""


@RUNGS
def test_what_a_killed_run_has_left_the_next_one_clears_away(start, monkeypatch, rung):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", KILLED_RUN, rung, DAEMON]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        traces = [Path(word) for word in run.stdout.readline().split()]
        sandboxed = psutil.Process(run.pid).children(recursive=True)
        assert len(sandboxed) == (5 if rung == "bubblewrap" else 4)
        run.kill()
    wait_until(lambda: not any(map(runs, sandboxed)), 2, "the sandbox to end with the run")
    assert all(trace.exists() for trace in traces)
    monkeypatch.setattr(leftovers, "NEW", 0.3)
    time.sleep(0.4)
    other = start()
    assert not any(trace.exists() for trace in traces)
    assert other.run("print(1 + 1)") == "2"


@pytest.mark.usefixtures("grouped")
def test_a_process_that_a_killed_run_has_left_is_killed(start, monkeypatch):
    group = cgroups.create(f"{leftovers.PREFIX}test", 100 * MiB, 20)
    with subprocess.Popen(["sleep", "600"]) as straggler:
        for entrance in group.entrances:
            entrance.write_text(str(straggler.pid))
        for lock in group.locks:
            os.close(lock)  # as if this process were dead
        monkeypatch.setattr(leftovers, "NEW", 0.3)
        time.sleep(0.4)
        start()
        assert straggler.wait(timeout=2) == -signal.SIGKILL
    assert not any(folder.exists() for folder in group.folders)


def test_a_folder_of_any_depth_is_removed(tmp_path):
    left, here = tmp_path / "left", Path.cwd()
    left.mkdir()
    try:
        os.chdir(left)
        for _ in range(3000):
            os.mkdir("folder")
            os.chdir("folder")
    finally:
        os.chdir(here)
    leftovers.remove(left)
    assert not left.exists()


def test_folders_in_use_and_new_ones_are_not_cleared_away(tmp_path, monkeypatch):
    old, used, new = (tmp_path / f"{leftovers.PREFIX}{name}" for name in ["old", "used", "new"])
    for folder in (old, used, new):
        folder.mkdir()
    for folder in (old, used):
        os.utime(folder, (0, 0))
    lock = leftovers.claim(used)
    leftovers.sweep(tmp_path, Path.rmdir)
    assert sorted(tmp_path.iterdir()) == sorted([used, new])
    os.close(lock)
    leftovers.sweep(tmp_path, Path.rmdir)
    assert list(tmp_path.iterdir()) == [new]
