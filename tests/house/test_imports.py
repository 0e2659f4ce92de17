"""The rooms' table of ARCHITECTURE.md, enforced: this reads the table and the imports, and compares."""

from __future__ import annotations

import ast
import re
import sys

import pytest

from tests.house.project import PACKAGE, Module, modules, table

MODULES = [module for module in modules() if not module.name.startswith("store.migrations.")]
"""All but the migrations: those are run by Alembic, in its own form, and imported by nobody."""
BY_NAME = {module.name: module for module in MODULES}
EVERYTHING = "everything"


def names(cell: str) -> list[str]:
    return [EVERYTHING] if cell == EVERYTHING else re.findall(r"`([\w.]+)`", cell)


ROOMS = {names(room)[0]: (what, names(allowed)) for room, what, allowed in table("ARCHITECTURE.md", "rooms")}
LIBRARIES = {
    library: names(known_to)
    for libraries, known_to in table("ARCHITECTURE.md", "libraries")
    for library in names(libraries)
}


def is_within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


def longest_known(name: str) -> str | None:
    """The library of the table that an import belongs to: `urllib.request` is another than `urllib`."""
    return max((library for library in LIBRARIES if is_within(name, library)), key=len, default=None)


def strangers_at_home(module: Module) -> list[str]:
    """Imports of the house's own rooms that the module's row does not allow."""
    allowed = [module.room, *ROOMS[module.room][1]]
    found = []
    for name in module.imports():
        if name == "torouter.__version__" or not is_within(name, "torouter"):
            continue
        inner = name.removeprefix("torouter.")
        if EVERYTHING not in allowed and not any(is_within(inner, each) for each in allowed):
            found.append(inner)
    return found


def strangers_from_outside(module: Module) -> list[str]:
    """Imports of libraries that the module's room has no business with, or that no row of the table names."""
    found = []
    for name in module.imports():
        top = name.partition(".")[0]
        library = longest_known(name)
        if library is not None:
            known_to = LIBRARIES[library]
            if EVERYTHING not in known_to and module.room not in known_to:
                found.append(name)
        elif top not in sys.stdlib_module_names and top != "torouter":
            found.append(name)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name or "torouter")
class TestModule:
    def test_imports_only_what_its_room_may(self, module: Module) -> None:
        if module.name:
            assert strangers_at_home(module) == []
        assert strangers_from_outside(module) == []

    def test_exports_what_it_has(self, module: Module) -> None:
        assert ast.get_docstring(module.tree), f"{module.path} has no docstring"
        exported, defined = exports(module), definitions(module)
        assert exported is not None or not {name for name in defined if not name.startswith("_")}, "no __all__"
        assert len(exported or []) == len(set(exported or []))
        assert set(exported or []) <= defined

    def test_takes_only_what_others_export(self, module: Module) -> None:
        for name in module.imports():
            home, _, word = name.removeprefix("torouter.").rpartition(".")
            if is_within(name, "torouter") and name.removeprefix("torouter.") not in BY_NAME:
                assert home in BY_NAME, f"there is no {home}"
                assert word in (exports(BY_NAME[home]) or []), f"{word} is not exported by {home}"


def exports(module: Module) -> list[str] | None:
    for node in module.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AnnAssign(target=ast.Name(id="__all__")):
                assert node.value is not None
                return [str(name) for name in ast.literal_eval(node.value)]
    return None


def definitions(module: Module) -> set[str]:
    """Every name that the module's top level binds, imports included."""
    bound: set[str] = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                bound.update((alias.asname or alias.name).partition(".")[0] for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
    return bound - {"__all__", "annotations"}


def test_the_table_lists_the_rooms_that_exist() -> None:
    there = {module.room for module in MODULES if module.name}
    listed = {room for room, (what, _) in ROOMS.items() if "not yet there" not in what}
    assert there == listed


def test_a_room_builds_on_rooms_above_it_only() -> None:
    order = list(ROOMS)
    for room, (_, allowed) in ROOMS.items():
        for name in allowed:
            if name != EVERYTHING:
                assert order.index(name.partition(".")[0]) < order.index(room), f"{room} may import {name}"


def test_dialects_are_strangers_to_each_other() -> None:
    dialects = {path.name for path in (PACKAGE / "codecs").iterdir() if (path / "__init__.py").exists()}
    assert len(dialects) == 4
    for module in MODULES:
        home = module.name.split(".")[1] if module.room == "codecs" and "." in module.name else ""
        if home in dialects:
            others = [f"torouter.codecs.{other}" for other in dialects - {home}]
            assert not [name for name in module.imports() if any(is_within(name, other) for other in others)]


def test_no_file_hides_a_word_not_yet_found() -> None:
    vague = re.compile(r"(utils?|helpers?|common|managers?|misc)$")
    assert not [module.name for module in MODULES if vague.search(module.name)]


def test_the_rule_sees_what_it_should() -> None:
    source = """
import httptools.parser
from torouter import relay
from torouter.store.engine import open_engine
from .. import surfaces
from ..wire import sse

def late() -> None:
    import requests
"""
    module = Module("codecs.gemini", PACKAGE / "codecs" / "gemini.py", ast.parse(source))
    assert strangers_at_home(module) == ["relay", "store.engine.open_engine", "surfaces"]
    assert strangers_from_outside(module) == ["httptools.parser", "requests"]
