"""pyproject.toml, requirements.txt and environment.yml describe one environment."""

import json
import tomllib
from importlib.metadata import metadata, requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

COURSE = Path(__file__).parents[1]
PROJECT = tomllib.loads((COURSE / "pyproject.toml").read_text())["project"]
DIRECT = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


def pins() -> dict[str, Requirement]:
    lines = (COURSE / "requirements.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def needed() -> set[str]:
    """Every package that the course needs on this machine, transitive ones included."""
    todo, seen = [Requirement(line) for line in DIRECT], set()
    while todo:
        one = todo.pop()
        key = canonicalize_name(one.name), frozenset(one.extras)
        if key not in seen:
            seen.add(key)
            for line in requires(one.name) or []:
                other = Requirement(line)
                extras = [{"extra": extra} for extra in ("", *one.extras)]
                if other.marker is None or any(other.marker.evaluate(e) for e in extras):
                    todo.append(other)
    return {name for name, _ in seen}


def test_every_line_of_the_requirements_is_one_exact_version():
    for name, pin in pins().items():
        assert [s.operator for s in pin.specifier] == ["=="], name
        assert Version(next(iter(pin.specifier)).version).local is None, name


@pytest.mark.parametrize("line", DIRECT)
def test_every_direct_dependency_is_pinned_within_its_limits(line: str):
    wanted = Requirement(line)
    pin = pins()[canonicalize_name(wanted.name)]
    assert wanted.specifier.contains(next(iter(pin.specifier)).version)


def test_every_package_that_the_course_needs_is_pinned():
    # PyTorch's GPU packages are pinned by PyTorch itself.
    gpu = {name for name in needed() if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert needed() - gpu - set(pins()) == set()


def test_nothing_else_is_pinned():
    here = {name for name, pin in pins().items() if not pin.marker or pin.marker.evaluate()}
    assert here - needed() == set()


def test_the_versions_that_run_are_the_pinned_ones():
    for name, pin in pins().items():
        if pin.marker is None or pin.marker.evaluate():
            assert pin.specifier.contains(Version(version(name)).public), name


def test_every_pinned_version_runs_on_the_oldest_python():
    oldest = next(iter(Requirement(f"x{PROJECT['requires-python']}").specifier)).version + ".0"
    for name, pin in pins().items():
        if pin.marker is None or pin.marker.evaluate():
            allowed = SpecifierSet(metadata(name).get("Requires-Python") or "")
            assert allowed.contains(oldest), name


def test_conda_installs_the_same_file():
    environment = yaml.safe_load((COURSE / "environment.yml").read_text())
    *conda, with_pip = environment["dependencies"]
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert {line.partition("=")[0] for line in conda} == {"python", "pip"}
    assert with_pip == {"pip": ["-r requirements.txt", "-e ."]}


def test_binder_has_the_pinned_pytorch_without_a_gpu():
    environment = yaml.safe_load((COURSE / "binder" / "environment.yml").read_text())
    *conda, with_pip = environment["dependencies"]
    torch = next(iter(pins()["torch"].specifier)).version
    assert conda == ["python=3.11", "pip", f"pytorch-cpu={torch}"]
    assert with_pip == {"pip": ["-r ../requirements.txt", "-e .."]}


def test_the_container_for_editors_is_set_up_by_make():
    container = json.loads((COURSE / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postCreateCommand"].startswith("make setup PIP_ARGS=")
    assert (COURSE / ".devcontainer" / container["build"]["dockerfile"]).is_file()


def test_both_licences_are_named_everywhere():
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
    assert PROJECT["license-files"] == ["LICENSE", "LICENSE-notebooks"]
    citation = yaml.safe_load((COURSE / "CITATION.cff").read_text())
    assert citation["license"] == ["MIT", "CC-BY-4.0"]
    assert citation["version"] == PROJECT["version"]
    readme = (COURSE / "README.md").read_text()
    for name in PROJECT["license-files"]:
        assert (COURSE / name).is_file()
        assert f"({name})" in readme
