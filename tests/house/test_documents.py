"""Documents that are true: commands, links, versions, file names and settings stand for something that exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import torouter
from tests.house.project import DOCUMENTS, PACKAGE, ROOT, code_blocks

FIRST_COMMAND, SECOND_COMMAND = "python3 go.py serve\n", "python3 go.py test\n"


def test_the_readme_shows_the_two_commands_first() -> None:
    assert code_blocks("README.md")[:2] == [("sh", FIRST_COMMAND), ("sh", SECOND_COMMAND)]


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    commands = [line for line in script.splitlines() if line and not re.match(r"#|set |cd |trap ", line)]
    assert commands == [f"{SECOND_COMMAND.strip()} </dev/null"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_go_knows_the_commands() -> None:
    told = subprocess.run([sys.executable, ROOT / "go.py", "help"], capture_output=True, text=True, check=True).stderr
    assert FIRST_COMMAND.strip() in told
    assert SECOND_COMMAND.strip() in told


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http://", "https://"))]
    assert [link for link in links if not is_there(document, link)] == []


def is_there(document: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(document: Path) -> set[str]:
    """What a heading is called in a link, as the forges that show Markdown make it."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_changelog_has_this_version() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert newest is not None
    assert newest[1] == torouter.__version__


def test_files_named_in_the_architecture_exist() -> None:
    named = re.findall(r"`((?:[\w.]+/)+(?:[\w.]+)?)`", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert len(named) > 5
    assert [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "docs/quickstart.md", "docs/responses.md", "docs/reasoning.md"])
def test_configurations_shown_are_valid(document: str, tmp_path: Path) -> None:
    shown = [text for language, text in code_blocks(document) if language == "yaml"]
    assert shown
    environment = os.environ | {"TEAM_OPENAI_KEY": "sk-upstream-secret", "ANTHROPIC_API_KEY": "sk-upstream-secret"}
    for text in shown:
        file = tmp_path / "torouter.yaml"
        file.write_text(text)
        command = [sys.executable, "-m", "torouter", "check", "--config", str(file)]
        checked = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        assert "sk-upstream-secret" not in checked.stdout + checked.stderr


def test_make_explains_every_chore() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    assert re.findall(r"^([a-z-]+):.*## \S", makefile, flags=re.MULTILINE) == phony[1].split()


def test_the_lock_is_of_this_project_and_of_pypi() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    sources = {str(package["source"]) for package in lock["package"]}
    assert sources == {"{'registry': 'https://pypi.org/simple'}", "{'editable': '.'}"}
    files = [file for package in lock["package"] for file in [package.get("sdist"), *package.get("wheels", [])] if file]
    assert len(files) > 100
    assert {file["url"].split("/")[2] for file in files} == {"files.pythonhosted.org"}
    assert {file["hash"].partition(":")[0] for file in files} == {"sha256"}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (locked,) = (package for package in lock["package"] if package["name"] == "torouter")
    needed = {re.split(r"[^\w-]", need)[0] for need in project["dependencies"]}
    assert {need["name"] for need in locked["dependencies"]} == needed
