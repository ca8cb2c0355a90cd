"""Whether this machine can grade: what `byhand doctor` looks at, one line each."""

import os
import platform
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_core.paths import jupyter_config_path, jupyter_path
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from traitlets.config import Config, PyFileConfigLoader

from byhand import data
from byhand.grading.plugins.judge import Judge
from byhand.grading.sandbox import bubblewrap, rungs
from byhand.grading.sandbox.bubblewrap import SandboxError

GOOD, NOTE, WRONG = "ok", "note", "WRONG"
FREE = 2**30  # bytes of disk below which grading may stop halfway
INSTALL = "run `make setup`"
IN_CONTAINER = [Path("/.dockerenv"), Path("/run/.containerenv")]
CONFIG = "nbgrader_config.py"
ON_A_HUB = "JUPYTERHUB_USER"
OF_THE_POD = "KUBERNETES_SERVICE_HOST"
KERNEL = Path("/proc/sys")  # settings of Linux


@dataclass(frozen=True)
class Finding:
    """One line. state: GOOD; NOTE: grading works, but not as well as it could; WRONG: it does not
    work; step: what to do."""

    state: str
    about: str
    step: str = ""

    def __str__(self) -> str:
        line = f"{self.state:5}  {self.about}"
        return f"{line}: {self.step}" if self.step else line


def examine(course: Path) -> Iterator[Finding]:
    """Everything that grading in this course needs."""
    yield from _versions(course)
    yield _jupyter_kernel()
    config, found = _configuration(course)
    yield found
    yield _extensions()
    if ON_A_HUB in os.environ:
        yield _formgrader_on_hub()
    yield from _sandbox(tuple(config.Judge.get("rungs", rungs.ACCEPTED)))
    yield _digits()
    for folder in dict.fromkeys([course, Path(tempfile.gettempdir())]):
        yield _room(folder)


def _versions(course: Path) -> Iterator[Finding]:
    """Python and the packages that pyproject.toml asks for, the most important by themselves."""
    project = tomllib.loads((course / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked, here = project["requires-python"], platform.python_version()
    right = SpecifierSet(asked).contains(here, prereleases=True)
    step = "" if right else f"it must be {asked}: make setup PYTHON=python3.11"
    yield Finding(GOOD if right else WRONG, f"Python {here}", step)
    others = 0
    for wanted in map(Requirement, project["dependencies"]):
        found = _version(wanted.name)
        if found is None or not wanted.specifier.contains(found, prereleases=True):
            what = f"{wanted.name} {found or 'is not installed'}"
            yield Finding(WRONG, what, f"pyproject.toml asks for {wanted}: {INSTALL}")
        elif wanted.name in ("nbgrader", "torch"):
            yield Finding(GOOD, f"{wanted.name} {found}")
        else:
            others += 1
    yield Finding(GOOD, f"{others} other packages as pyproject.toml asks")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _jupyter_kernel() -> Finding:
    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding(WRONG, "there is no Jupyter kernel `python3`", INSTALL)
    if shutil.which(program) is None:
        return Finding(
            WRONG, f"the Jupyter kernel `python3` starts {program}, which is gone", INSTALL
        )
    return Finding(GOOD, "the Jupyter kernel `python3`")


def _configuration(course: Path) -> tuple[Config, Finding]:
    """nbgrader's configuration as it will be, and whether the judge is in it."""
    path = course / CONFIG
    try:
        config = _loaded(course)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever stands in there
        return Config(), Finding(
            WRONG, f"{path} cannot be read", f"{type(error).__name__}: {error}"
        )
    if not _names_judge(config):
        lost = "students' code would run outside of a sandbox"
        return config, Finding(WRONG, f"{path} does not name the Judge", f"{lost}: put it back")
    return config, Finding(GOOD, f"nbgrader's configuration, {path}")


def _loaded(folder: Path) -> Config:
    return PyFileConfigLoader(CONFIG, path=str(folder)).load_config()


def _names_judge(config: Config) -> bool:
    return Judge in config.Autograde.get("autograde_preprocessors", [])


def _extensions() -> Finding:
    places = [Path(place, "@jupyter", "nbgrader") for place in jupyter_path("labextensions")]
    if any(place.is_dir() for place in places):
        return Finding(GOOD, "nbgrader's extension of JupyterLab")
    lost = "formgrader and Create Assignment are missing in `make lab`"
    return Finding(NOTE, "nbgrader's extension of JupyterLab is not there", f"{lost}: {INSTALL}")


def _formgrader_on_hub() -> Finding:
    """Whether formgrader finds the judge: a hub starts it outside of the course's folder."""
    for place in jupyter_config_path():
        with suppress(Exception, SystemExit):  # no such file, or whatever stands in there
            if _names_judge(_loaded(Path(place))):
                return Finding(GOOD, f"formgrader on this hub, {place}/{CONFIG}")
    about = "formgrader on this hub would run students' code outside of a sandbox"
    return Finding(NOTE, about, 'docs/instructors.md, "On a JupyterHub", says what it needs')


def _sandbox(acceptable: tuple[str, ...]) -> Iterator[Finding]:
    """The rung that will be used; of each better one, what is in the way."""
    unknown = [rung for rung in acceptable if rung not in rungs.RUNGS]
    if unknown:
        yield Finding(WRONG, f"c.Judge.rungs names {unknown[0]!r}", f"it is one of {rungs.RUNGS}")
        return
    chosen = next((rung for rung in acceptable if not rungs.trouble(rung)), None)
    if chosen is None:
        named = ", ".join(acceptable) or "none"
        yield Finding(WRONG, f"no sandbox that will do (c.Judge.rungs: {named})", "see below")
    else:
        yield Finding(NOTE if chosen == "none" else GOOD, f"sandbox: {rungs.confinement(chosen)}")
    if chosen not in (None, "none"):
        try:
            bubblewrap.core_without_autograd()
        except SandboxError as error:
            yield Finding(WRONG, str(error), INSTALL)
    better = rungs.RUNGS[: rungs.RUNGS.index(chosen)] if chosen else rungs.RUNGS[:-1]
    for rung in better:
        if why := rungs.trouble(rung):
            yield Finding(NOTE, f"no sandbox {rung!r}, since {why}", step_to(rung))
        else:
            yield Finding(NOTE, f"the sandbox {rung!r} is better", "name it first in c.Judge.rungs")
    if chosen not in (None, "none") and not rungs.group_version():
        step = "as an ordinary user, `systemd-run --user --scope nbgrader autograde ...`"
        yield Finding(NOTE, "no control groups can be made here", step)


def step_to(rung: str) -> str:
    """What would give this machine a rung that it does not give; empty if nothing near does."""
    if platform.system() != "Linux":
        return "grade on Linux, for example in a virtual machine"
    contained = OF_THE_POD in os.environ or any(path.exists() for path in IN_CONTAINER)
    if rung == "landlock":
        allow = ", or a container's seccomp profile that allows landlock_*" if contained else ""
        return f"Linux 6.2 or newer, with landlock in /sys/kernel/security/lsm{allow}"
    if shutil.which("bwrap") is None:
        return "install it (Debian, Ubuntu: apt install bubblewrap)"
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1" and os.getuid() != 0:
        return (
            "AppArmor keeps user namespaces from it: give /usr/bin/bwrap a profile with `userns,`, "
            "or sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    for name, value in [
        ("user/max_user_namespaces", "10000"),
        ("kernel/unprivileged_userns_clone", "1"),
    ]:
        if _setting(name) == "0":
            return f"user namespaces are off: sudo sysctl {name.replace('/', '.')}={value}"
    if contained:
        return (
            "this is a container, which keeps bwrap's --unshare-user from root and others: start "
            "it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined"
        )
    return "`bwrap --version` must be 0.8 or newer, and user namespaces must be allowed"


def _setting(name: str) -> str:
    path = KERNEL / name
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _digits() -> Finding:
    try:
        found = data.at_hand()
    except data.DataError as error:
        return Finding(WRONG, "MNIST", str(error))
    if len(found.train_labels) == 50_000:
        return Finding(GOOD, "MNIST")
    return Finding(
        NOTE,
        "MNIST is not here, and networks trained on it wait for you (4-optimizers, 5-convnet)",
        'python -c "from byhand import data; data.mnist()", or set BYHAND_DATA',
    )


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    about = f"{free / 2**30:.1f} GiB free in {folder}"
    return Finding(GOOD, about) if free >= FREE else Finding(WRONG, about, "1 GiB is needed")
