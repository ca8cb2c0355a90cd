"""What a student's kernel can use up."""

import os
import time

import psutil
import pytest

from byhand.grading.sandbox import cgroups
from byhand.grading.sandbox.kernel import Limits
from byhand.grading.sandbox.rungs import confinement

from .kernels import RUNGS, SMALL, MiB, runs, wait_until


def test_no_more_is_written_than_allowed(start):
    kernel = start()
    code = """
import errno
total, why = 0, set()
for place in ["/home/student", "/tmp", "/dev/shm"]:
    for number in range(100):
        try:
            with open(f"{place}/{number}", "wb", buffering=0) as file:
                while True:
                    total += file.write(b"x" * 65536)
        except OSError as error:
            why.add(errno.errorcode[error.errno])
print(total, sorted(why))
"""
    total, why = kernel.run(code).split(maxsplit=1)
    assert 7 * MiB < int(total) <= 8 * MiB
    assert "ENOSPC" in why


@pytest.mark.usefixtures("grouped")
@RUNGS
def test_at_the_memory_limit_the_kernel_is_killed_and_nothing_else(start, rung):
    kernel, other = start(rung=rung), start(rung=rung)
    kernel.die("pile = []\nwhile True: pile.append(b'x' * 10_000_000)")
    assert kernel.kernel.memory_limit_hit()
    assert kernel.stop() >= 250 * MiB
    assert kernel.kernel.memory_limit_hit(), "also known after its end"
    assert other.run("print(1 + 1)") == "2"
    assert not other.kernel.memory_limit_hit()
    assert 10 * MiB < other.kernel.peak_memory() < SMALL.memory


@pytest.mark.usefixtures("grouped")
@RUNGS
def test_the_memory_limit_is_one_for_all_processes_and_files_in_memory(start, rung):
    kernel = start(rung=rung)
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        pile = b"x" * 100_000_000
        time.sleep(60)
time.sleep(60)
"""
    kernel.start(code)
    wait_until(kernel.kernel.memory_limit_hit, 20, "the memory limit")


def test_a_kernel_that_ends_by_itself_has_not_hit_the_memory_limit(start):
    kernel = start()
    kernel.die("import os\nos._exit(1)")
    assert not kernel.kernel.memory_limit_hit()


BOMB = """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""


@pytest.mark.usefixtures("grouped")
@RUNGS
def test_a_fork_bomb_is_bounded_and_ends_within_a_second(start, rung):
    kernel = start(rung=rung)
    kernel.start(BOMB)
    wait_until(lambda: len(kernel.members()) > 15, 10, "the bomb to go off")
    time.sleep(0.5)
    members = [psutil.Process(pid) for pid in kernel.members()]
    assert 15 < len(members) <= SMALL.processes
    began = time.monotonic()
    kernel.kernel.stop()
    assert time.monotonic() - began < 1.0
    assert not any(map(runs, members))


@pytest.mark.usefixtures("grouped")
def test_a_keeper_ends_a_fork_bomb(start):
    kernel = start(rung="landlock")
    kernel.start(BOMB)
    wait_until(lambda: len(kernel.members()) > 15, 10, "the bomb to go off")
    kernel.process.terminate()
    wait_until(lambda: not kernel.members(), 3, "all of it to end")


@RUNGS
def test_without_control_groups_each_process_has_limits(start, monkeypatch, rung):
    monkeypatch.setattr(cgroups, "places", list)
    assert confinement(rung).partition(";")[0].endswith(", rlimits")
    assert "memory beyond each process by itself" in confinement(rung)
    assert ("root" in confinement(rung)) == (os.getuid() == 0)
    kernel = start(Limits(memory=1024 * MiB, processes=50), rung=rung)
    assert kernel.groups == []
    code = """
import resource as r, numpy, scipy.special, matplotlib.pyplot
print(r.getrlimit(r.RLIMIT_NPROC)[0] >= 50, r.getrlimit(r.RLIMIT_AS)[1] // 2**20)
numpy.zeros(2**31)
"""
    said = kernel.run(code)
    assert said.startswith("True 1024\n")
    assert "MemoryError" in said
    assert kernel.stop() > 10 * MiB


def test_files_without_end_stop_the_kernel(start):
    kernel = start(Limits(written=4 * MiB), rung="landlock")
    kernel.die("""
import itertools
for number in itertools.count():
    with open(f"file-{number}", "wb") as file:
        file.write(bytes(2**20))
    __import__("time").sleep(0.01)
""")
    assert "written more than allowed" in kernel.kernel.last_words()


@pytest.mark.parametrize("mode", [0o300, 0o700])
def test_folders_that_cannot_be_looked_into_stop_the_kernel_and_are_removed(start, mode):
    kernel = start(rung="landlock")
    kernel.die(f"""
import os, time
for _ in range(3000):
    os.mkdir("d" * 10, {mode})
    os.chdir("d" * 10)
open("file", "w").close()
time.sleep(20)
""")
    kernel.stop()
    assert not kernel.folder.exists()


def test_the_limits_on_one_process_hold(start):
    kernel = start(Limits(written=MiB, cpu_seconds=60), rung="landlock")
    code = """
import resource
try:
    open("file", "wb", buffering=0).write(bytes(2**21))
    open("file", "ab", buffering=0).write(b"x")
except OSError as error:
    print(error.strerror)
print(resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_CORE))
"""
    assert kernel.run(code) == "File too large\n(60, 60) (0, 0)"
