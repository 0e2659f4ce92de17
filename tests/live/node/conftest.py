"""Running one of the folder's scripts, with the packages it imports."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.live.node.packages import install, node

__all__ = ["RunScript"]

SCRIPT_WITHIN_S = 60.0
_HERE = Path(__file__).parent

RunScript = Callable[..., Awaitable[dict[str, str]]]


@pytest.fixture(scope="session")
def packages(pytestconfig: pytest.Config) -> Path:
    """The folder with `node_modules`. The scripts are copied into it, as Node looks for packages beside a script."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n[node] {line}", end="", flush=True)

    target = install(_HERE, name="sdks", say=say)
    for script in _HERE.glob("*.mjs"):
        shutil.copy(script, target / script.name)
    return target


@pytest.fixture
def run_script(packages: Path) -> RunScript:
    """`await run_script("openai_demo", url=…, key=…)`: the script's report, check by check. It gets `more` as well."""

    async def run(name: str, *, url: str, key: str, **more: object) -> dict[str, str]:
        process = await asyncio.create_subprocess_exec(
            node(), f"{name}.mjs", json.dumps({"url": url, "key": key, **more}),
            cwd=packages, env={"PATH": os.environ["PATH"]}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(SCRIPT_WITHIN_S):
                stdout, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"{name}.mjs ended with {process.returncode}:\n{stderr.decode()}"
        report: dict[str, str] = json.loads(stdout)
        return report

    return run
