"""Which tests stay together on a worker: those of a file, as what they share is made once."""

import pytest

TRAINING = {"train_mlp", "train_mnist", "train_sorter"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file is a group. tests/test_course.py would be half of all: it is one for each assignment,
    and one for what needs trained weights."""
    for item in items if config.pluginmanager.hasplugin("xdist") else ():
        group, params = item.path.name, getattr(item, "callspec", None)
        if group == "test_course.py" and params is not None:
            tried = params.params.get("mistake") or params.params.get("variant")
            trains = "weights" in item.fixturenames or (tried and tried.task in TRAINING)
            group += ":trained" if trains else f":{params.params.get('assignment')}"
        item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{group}"))
