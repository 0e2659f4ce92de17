"""Every shell block of the pages on managing, run against a gateway that serves."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.house.project import code_blocks
from tests.live.gateway import Gateway
from torouter.cli import cli

CURL = f'''#!{sys.executable}
"""What the pages use of curl, for machines without one."""
import re, sys, urllib.request
words, url, method, headers, body, is_file = iter(sys.argv[1:]), "", None, {{}}, None, False
for word in words:
    if word == "-X":
        method = next(words)
    elif word == "-H":
        name, _, value = next(words).partition(": ")
        headers[name] = value
    elif word == "-d":
        body = next(words).encode()
    elif word == "-OJ":
        is_file = True
    elif word != "-sS":
        url = word
with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=30) as answer:
    content = answer.read()
    if is_file:
        name = re.search('filename="(.*)"', answer.headers["content-disposition"])[1]
        open(name, "wb").write(content)
    else:
        print(content.decode())
'''


_COMMAND = re.compile(r"(?:\w+=\$\()?torouter (.+?)\)?")


def test_the_commands_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, in this process: starting forty would take a minute."""
    lines = [
        line for language, text in code_blocks("docs/managing.md") if language == "sh" for line in text.splitlines()
    ]
    assert len(lines) > 30
    with Gateway(tmp_path / "gateway") as gateway:
        monkeypatch.setenv("TOROUTER_DATA", str(gateway.data))
        monkeypatch.delenv("TOROUTER_DATABASE", raising=False)
        monkeypatch.chdir(tmp_path)
        for variable in ("OPENAI_API_KEY", "OPENAI_API_KEY_2", "OPENAI_API_KEY_3"):
            monkeypatch.setenv(variable, f"sk-{variable.lower()}")
        for line in lines:
            command = _COMMAND.fullmatch(line)
            assert command is not None, f"not a command: {line}"
            done = CliRunner().invoke(cli, shlex.split(command[1]), catch_exceptions=False)
            assert done.exit_code == 0, f"{line}\n{done.output}"
    (exported,) = tmp_path.glob("usage-*.csv")
    assert exported.read_text().startswith("id,request_id,")


def test_the_calls_run_as_they_stand(tmp_path: Path) -> None:
    blocks = [text for language, text in code_blocks("docs/api.md") if language == "sh"]
    assert len(blocks) == 3
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "curl").write_text(CURL)
    (tools / "curl").chmod(0o755)
    with Gateway(tmp_path / "gateway") as gateway:
        script = "set -eu\n" + "".join(blocks).replace("http://127.0.0.1:8000", gateway.url)
        path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            env={"PATH": path, "HOME": str(tmp_path), "TOROUTER_DATA": str(gateway.data), "LANG": "C.UTF-8"},
            cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('"in_force":true') == 10
    (exported,) = tmp_path.glob("usage-*.csv")
    assert exported.read_text().startswith("id,request_id,")
