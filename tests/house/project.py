"""Where things are in this checkout, and how its documents are read."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "DOCUMENTS",
    "PACKAGE",
    "ROOT",
    "Module",
    "code_blocks",
    "modules",
    "newcomers_environment",
    "table",
    "uv",
]

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "torouter"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the package: `name` without the leading `torouter.`, and empty for the package itself."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[str]:
        """Full dotted names, wherever in the file they are imported: `from a import b` gives `a.b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        here = ["torouter", *filter(None, self.name.split("."))]
        is_package = self.path.name == "__init__.py"
        parents = here[: len(here) - node.level + is_package]
        return ".".join([*parents, *filter(None, [node.module])])


def modules() -> list[Module]:
    return [
        Module(".".join(_parts(path)), path, ast.parse(path.read_bytes(), str(path)))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def _parts(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def table(document: str, name: str) -> list[list[str]]:
    """The cells of the table that stands under `<!-- table: name -->`, without its two head rows."""
    _, mark, rest = (ROOT / document).read_text("utf-8").partition(f"<!-- table: {name} -->\n\n")
    assert mark, f"{document} has no table {name}"
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def code_blocks(document: str) -> list[tuple[str, str]]:
    """(language, text) of each fenced block, in order."""
    text = (ROOT / document).read_text("utf-8")
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def uv() -> str:
    """The uv of this environment, or the machine's."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    assert found, "no uv: run `python3 go.py setup`"
    return found


_OURS = re.compile(
    r"VIRTUAL_ENV|PYTHON.*|PYTEST_.*|XDG_.*|TOROUTER_.*|.*_API_KEY|UV_PROJECT_ENVIRONMENT|GIT_DIR|GIT_WORK_TREE"
)


def newcomers_environment(home: Path) -> dict[str, str]:
    """The environment of somebody who has never been here: an empty HOME, empty caches, nothing of ours on the PATH.
    How this machine reaches the network (proxies, certificates, package indexes) stays."""
    environment = {name: value for name, value in os.environ.items() if not _OURS.fullmatch(name)}
    ours = str(Path(sys.executable).parent)
    folders = [folder for folder in environment.get("PATH", os.defpath).split(os.pathsep) if folder != ours]
    caches = {"UV_CACHE_DIR": str(home / "uv-cache"), "PIP_CACHE_DIR": str(home / "pip-cache")}
    home.mkdir(parents=True, exist_ok=True)
    return environment | caches | {"HOME": str(home), "PATH": os.pathsep.join(folders)}
