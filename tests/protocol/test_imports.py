"""The protocol stands alone: what is copied to the student's side brings nothing else along."""

import subprocess
import sys

PROBE = """
import importlib, pkgutil, sys
import byhand.protocol
for module in pkgutil.walk_packages(byhand.protocol.__path__, "byhand.protocol."):
    importlib.import_module(module.name)
print(*sys.modules)
"""


def test_the_protocol_imports_neither_pytorch_nor_the_checks_nor_the_grading():
    command = [sys.executable, "-c", PROBE]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    loaded = set(told.split())
    assert {"byhand.protocol.runner", "byhand.protocol.wire"} <= loaded
    assert not {"torch", "byhand.check", "byhand.grading"} & loaded
