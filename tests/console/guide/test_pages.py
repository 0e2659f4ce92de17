"""The guide says the same in each language, leads nowhere that is not there, and names nothing that the code does not
have."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

import tests.agents.claude_code
import tests.agents.gemini_cli
from tests.agents.codex import PROVIDERS
from tests.console.guide.blocks import PROGRAMS, blocks_of
from tests.console.guide.shapes import misfits
from tests.house.project import PACKAGE, ROOT
from torouter.console.portal import PAGES
from torouter.console.portal.guide import NAMES, Rendered, read_page
from torouter.console.portal.guide.book import source_of
from torouter.console.portal.words import LANGUAGES, Words
from torouter.routing.names import split_thinking
from torouter.surfaces import anthropic, openai

WORDS = {language: Words.read(language) for language in LANGUAGES}
OTHERS = [language for language in LANGUAGES if language != "en"]
FOLDER = PACKAGE / "console" / "portal" / "guide"
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def page(name: str, language: str = "en") -> Rendered:
    return read_page(WORDS[language], name)


def prose(name: str, language: str = "en") -> str:
    return FENCE.sub("", source_of(language, name))


def code_in(text: str) -> Counter[str]:
    return Counter(re.findall(r"`([^`]+)`", text))


def rows_of(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]


def links_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"\]\(([^)]+)\)", text))


def table(name: str, under: str) -> list[list[str]]:
    """The cells of the table under a heading, without its two head rows."""
    section = re.split(r"^## ", prose(name).partition(f"{{#{under}}}")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return rows_of(section)[2:]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_each_page(language: str) -> None:
    assert {path.stem for path in (FOLDER / language).iterdir()} == set(NAMES)
    assert {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name[0] != "_"} == set(LANGUAGES)
    titles = [page(name, language).title for name in NAMES]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", NAMES)
class TestTranslation:
    def test_has_the_same_headings(self, name: str, language: str) -> None:
        def shape(each: Rendered) -> list[tuple[str, int]]:
            return [(heading.id, heading.level) for heading in each.headings]

        assert shape(page(name, language)) == shape(page(name))

    def test_shows_the_same_code(self, name: str, language: str) -> None:
        assert FENCE.findall(source_of(language, name)) == FENCE.findall(source_of("en", name))

    def test_names_the_same_things(self, name: str, language: str) -> None:
        theirs, ours = code_in(prose(name, language)), code_in(prose(name))
        theirs -= Counter({"字段;处理": 1})
        ours -= Counter({"field;what": 1})
        assert theirs == ours

    def test_has_the_same_tables_and_links(self, name: str, language: str) -> None:
        assert [len(row) for row in rows_of(prose(name, language))] == [len(row) for row in rows_of(prose(name))]
        assert links_of(prose(name, language)) == links_of(prose(name))


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    paths = {row.path for row in PAGES}
    for link in links_of(prose(name)):
        path, _, anchor = link.partition("#")
        target = path.removeprefix("/docs/")
        assert path in paths or target in NAMES, link
        if anchor:
            assert f'id="{anchor}"' in page(target).html, link


@pytest.mark.parametrize("name", NAMES)
def test_settings_can_be_read(name: str) -> None:
    for block in blocks_of(name):
        assert block.language in (*PROGRAMS, "json", "toml", "yaml", "text")
        assert block.use in ("", "settings", "output")
        match block.language:
            case "json":
                json.loads(block.text)
            case "toml":
                tomllib.loads(block.text)
            case "yaml":
                yaml.safe_load(block.text)
            case "python":
                compile(block.text, name, "exec")
            case "sh":
                assert subprocess.run(["bash", "-n", "-c", block.text]).returncode == 0
            case "js":
                checked = subprocess.run(["node", "--input-type=module", "--check"], input=block.text, text=True)
                assert checked.returncode == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_of_code_are_not_too_long(name: str, language: str) -> None:
    assert max((len(line) for block in blocks_of(name) for line in block.text.splitlines()), default=0) <= 120


class TestAgents:
    """The settings shown are those that the agents themselves are tried with, in `tests/agents`."""

    SETTINGS = tuple(block for block in blocks_of("agents") if block.use == "settings")

    @pytest.mark.parametrize(
        ("beginning", "module"),
        [
            ("export ANTHROPIC_BASE_URL=http://gateway.example\n", tests.agents.claude_code),
            ("export GOOGLE_GEMINI_BASE_URL=http://gateway.example\n", tests.agents.gemini_cli),
        ],
        ids=["Claude Code", "Gemini CLI"],
    )
    def test_variables(self, beginning: str, module: object) -> None:
        (text,) = (block.text for block in self.SETTINGS if block.text.startswith(beginning))
        tried = Path(str(module.__file__)).read_text()  # type: ignore[attr-defined]
        tried += (ROOT / "tests" / "agents" / "test_claude_code.py").read_text()
        names = re.findall(r"export (\w+)=", text)
        assert len(names) == 2
        assert [name for name in names if f'"{name}"' not in tried] == []

    def test_codex(self) -> None:
        (text,) = (block.text for block in self.SETTINGS if block.language == "toml")
        top, provider, _ = PROVIDERS["own-provider"]
        filled = (top + "\n" + provider).format(base_url="http://gateway.example/v1", websockets="false")
        tried = tomllib.loads(filled)
        del tried["model_providers"]["torouter"]["supports_websockets"]
        shown = tomllib.loads(text)
        assert shown.pop("model") == "gpt-5"
        assert shown == tried

    def test_opencode(self) -> None:
        (shown,) = (json.loads(block.text) for block in self.SETTINGS if "opencode.ai" in block.text)
        tried = (ROOT / "tests" / "agents" / "opencode.py").read_text()
        provider = shown["provider"]["torouter"]
        assert f'"{provider["npm"]}", "/v1"' in tried
        assert provider["options"]["baseURL"] == "http://gateway.example/v1"
        for package in re.findall(r"@ai-sdk/[\w-]+", prose("agents")):
            assert f'"{package}"' in tried


class TestFacts:
    CODES: ClassVar = {cell: row[1] for row in table("errors", "codes") for cell in code_in(row[0])}

    def test_every_code_is_in_the_code(self) -> None:
        strings = {text for path in PACKAGE.rglob("*.py") for text in _strings(path)}
        assert [code for code in self.CODES if code not in strings] == []

    def test_every_code_of_a_refusal_is_told(self) -> None:
        rooms = [*PACKAGE.glob("access/*.py"), *PACKAGE.glob("surfaces/*.py"), PACKAGE / "relay" / "failure.py"]
        told = {text for path in rooms for text in _codes(path)}
        assert len(told) > 15
        assert sorted(told - set(self.CODES) - {"binary_message"}) == []

    def test_statuses_are_those_of_the_operators_table(self) -> None:
        text = (ROOT / "docs" / "limits.md").read_text("utf-8").partition("## What is refused")[2]
        checked = 0
        for row in rows_of(text)[2:]:
            if len(row) < 5 or not row[1].isdecimal():
                break
            for code in [each for cell in row[2:4] for each in re.findall(r"`(\w+)`", cell)]:
                assert self.CODES[code] == row[1]
                checked += 1
        assert checked > 12

    def test_every_status_of_a_code_has_a_row(self) -> None:
        statuses = {status for row in table("errors", "statuses") for status in code_in(row[0])}
        assert {status for told in self.CODES.values() for status in re.findall(r"\d{3}", told)} <= statuses

    def test_our_headers_are_those_of_the_code(self) -> None:
        header = re.compile(r"x-torouter-[a-z-]+[a-z]")
        ours = {name for path in PACKAGE.rglob("*.py") for name in header.findall(path.read_text("utf-8"))}
        told = {cell for under in ("headers",) for row in table("routing", under) for cell in code_in(row[0])}
        assert {name for name in told if name.startswith("x-torouter")} == ours
        assert {name for each in NAMES for name in header.findall(source_of("en", each))} <= ours

    def test_every_path_is_told(self) -> None:
        paths = {path.decode() for path in (*openai.ROUTES, *anthropic.ROUTES) if not path.startswith(b"/api")}
        told = set(re.findall(r"/v1/[\w/]+", " ".join(row[0] for row in table("base-urls", "paths"))))
        assert paths <= told
        assert told - paths == {"/v1/models", "/v1/requests/"}

    def test_suffixes_are_understood(self) -> None:
        suffixes = [suffix for row in table("models", "thinking") for suffix in code_in(row[0])]
        assert len(suffixes) > 6
        assert [suffix for suffix in suffixes if split_thinking(f"m{suffix}") is None] == []


def _strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _codes(path: Path) -> Iterator[str]:
    """What is given as the `type` or the `code` of an error."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("type", "code") and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def test_shapes_are_compared() -> None:
    shown = {"a": [{"b": 1.5}], "c": None, "d": "x"}
    assert misfits(shown, {"a": [{"b": 2}, {"b": 3, "z": 1}], "c": None, "d": "y", "e": 1}) == []
    assert misfits(shown, {"a": [{"b": "2"}], "c": None, "d": "y"}) == [".a[].b is '2'"]
    assert misfits(shown, {"a": [], "d": 1}) == [".c is not there", ".a has 0 items", ".d is 1"]
