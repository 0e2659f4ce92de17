"""`torouter key list` should feel like a command, not like a server that starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.alone

BUDGET_S = 0.8
"""About four times what it takes on a slow machine: this is to catch a heavy library at the top of a module."""

SCRIPT = """
import time
began = time.perf_counter()
import torouter.cli
print(time.perf_counter() - began)
"""


def test_the_command_line_imports_quickly() -> None:
    took_s = [float(subprocess.check_output([sys.executable, "-c", SCRIPT])) for _ in range(3)]
    assert min(took_s) < BUDGET_S
