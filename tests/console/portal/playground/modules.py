"""The playground's modules in Node, without a browser: those that do not touch the page."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torouter.console.portal
from tests.live.node.packages import node

__all__ = ["Json", "copied", "run", "run_tests", "settings"]

Json = dict[str, Any]

_STATIC = Path(torouter.console.portal.__file__).with_name("static")
_HERE = Path(__file__).parent
_WITHIN_S = 60


def copied(folder: Path) -> Path:
    """Copies the scripts, and ours beside them, where Node takes them for modules."""
    shutil.copytree(_STATIC / "playground", folder / "playground")
    shutil.copy(_STATIC / "copying.js", folder)
    for script in _HERE.glob("*.mjs"):
        shutil.copy(script, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def run(folder: Path, calls: Sequence[Json]) -> list[Any]:
    """What `answers.mjs` gives for each of the calls, in order."""
    told = _node(folder, "answers.mjs", given=json.dumps(list(calls)))
    answers: list[Any] = json.loads(told)
    return answers


def run_tests(folder: Path) -> str:
    return _node(folder, "--test", "modules.test.mjs")


def settings(dialect: str, model: str, **more: object) -> Json:
    """As the page gives them, where nothing is set but the model."""
    blank: Json = {
        "system": "", "reasoning": "", "thinksByBudget": False, "temperature": None, "topP": None, "maxTokens": None,
        "stop": [], "tools": [], "isStream": False,
    }  # fmt: skip
    return {"dialect": dialect, "model": model, **blank, **more}


def _node(folder: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [node(), *arguments], cwd=folder, input=given, capture_output=True, text=True, timeout=_WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
