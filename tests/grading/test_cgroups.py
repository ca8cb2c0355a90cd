"""Where control groups can be made, on systems that this one is not."""

from pathlib import Path

import pytest

from byhand.grading.sandbox.cgroups import Place, places


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    folder = tmp_path / "proc"
    folder.mkdir()
    return folder


def describe(proc: Path, cgroup: str, mounts: str) -> list[Place]:
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mounts)
    return places(proc)


def test_version_1_has_a_tree_for_each_controller(proc):
    cgroup = "4:memory:/user/a\n3:cpu,cpuacct:/\n2:pids:/\n0::/\n"
    mounts = (
        "30 20 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "31 20 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    )
    memory, pids = Path("/sys/fs/cgroup/memory/user/a"), Path("/sys/fs/cgroup/pids")
    assert describe(proc, cgroup, mounts) == [Place("v1", memory, pids)]


def test_a_container_sees_a_part_of_the_tree(proc):
    cgroup = "4:memory:/docker/abc/inner\n2:pids:/docker/abc\n"
    mounts = (
        "30 20 0:26 /docker/abc /cg/memory ro - cgroup cgroup rw,memory\n"
        "31 20 0:27 /docker/abc /cg/pids ro - cgroup cgroup rw,pids\n"
    )
    expected = Place("v1", Path("/cg/memory/inner"), Path("/cg/pids"))
    assert describe(proc, cgroup, mounts) == [expected]


def test_version_2_needs_a_group_that_hands_its_controllers_down(proc, tmp_path):
    tree = tmp_path / "tree"
    own = tree / "app.slice" / "shell.scope"
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").write_text("")
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    mounts = f"30 20 0:26 / {tree} rw - cgroup2 cgroup2 rw\n"
    found = describe(proc, "0::/app.slice/shell.scope\n", mounts)
    assert found == [Place("v2", own.parent, own.parent)]
    (own.parent / "cgroup.subtree_control").write_text("cpu\n")
    assert describe(proc, "0::/app.slice/shell.scope\n", mounts) == []


def test_a_system_without_control_groups_has_no_place(tmp_path):
    assert places(tmp_path) == []
