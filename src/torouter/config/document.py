"""A YAML file read by its nodes, so that every fault names its line; and the readers of single values.

A reader takes a `Value` and returns what it holds, or reports a fault and returns `None`; reading goes on, so that
all faults are found in one go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

import yaml

from torouter.errors import ConfigError

__all__ = [
    "Faults",
    "Reader",
    "Value",
    "as_value",
    "boolean",
    "list_of",
    "one_of",
    "read_document",
    "seconds",
    "text",
    "whole",
]

T = TypeVar("T")
Reader = Callable[["Value"], T | None]

_TAG: Final = "tag:yaml.org,2002:"
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")  # YAML 1.1 would read 010 as 8 and 1:30 as 90
_SHOWN_CHARS: Final = 40


class Faults:
    """What is wrong, whatever part of the reading found it. Told in the order of the file's lines."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, where: str, sentence: str, *, line: int = 0) -> None:
        self._found.append((line, f"{where}: {sentence}" if where else sentence))

    def raise_any(self) -> None:
        """One `ConfigError` for all of them, a line each."""
        if self._found:
            raise ConfigError("\n".join(sentence for _, sentence in sorted(self._found, key=itemgetter(0))))


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a file. `path` is like `channels[0].dialects[1]`, and empty for the whole file. `file` is empty for
    what comes from elsewhere (`as_value`)."""

    file: str
    path: str
    node: yaml.Node
    faults: Faults

    @property
    def place(self) -> str:
        return f"{self.file}:{_line(self.node)}" if self.file else ""

    def fault(self, sentence: str) -> None:
        where = ": ".join(part for part in (self.place, self.path) if part)
        self.faults.add(where, sentence, line=_line(self.node))

    def expected(self, what: str) -> None:
        self.fault(f"expected {what}, got {self._shown()}")

    def has_tag(self, *names: str) -> bool:
        return self.node.tag in {_TAG + name for name in names}

    def items(self) -> Iterator[Value] | None:
        """The elements of a list; `None`, unreported, for anything else."""
        if not isinstance(self.node, yaml.SequenceNode):
            return None
        return (
            Value(self.file, f"{self.path}[{index}]", node, self.faults) for index, node in enumerate(self.node.value)
        )

    def names(self) -> list[str]:
        """The keys of a mapping as they stand there; none of anything else. Reports nothing."""
        if not isinstance(self.node, yaml.MappingNode):
            return []
        return [str(key.value) for key, _ in self.node.value if isinstance(key, yaml.ScalarNode)]

    def table(
        self, known: Collection[str] | None = None, elsewhere: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Value] | None:
        """The values of a mapping by key; `None`, unreported, for anything else. Keys given twice, and keys that are
        not known (`None`: any will do), are reported and left out. `elsewhere` has a sentence for keys that belong
        into another file."""
        if not isinstance(self.node, yaml.MappingNode):
            return None
        lines: dict[str, int] = {}
        found: dict[str, Value] = {}
        for key_node, node in self.node.value:
            key = Value(self.file, self.path, key_node, self.faults)
            name = text(key)
            if name is None:
                continue
            inner = Value(self.file, f"{self.path}.{name}" if self.path else name, node, self.faults)
            if name in lines:
                key.fault(f"{_quoted(name)} is given twice, first on line {lines[name]}")
            elif name in elsewhere:
                key.fault(f"{name}: {elsewhere[name]}")
            elif known is not None and name not in known:
                key.fault(f"unknown key {_quoted(name)}{_hint(name, known) or '; known are ' + ', '.join(known)}")
            else:
                found[name] = inner
            lines.setdefault(name, _line(key_node))
        return found

    def _shown(self) -> str:
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping"
        if self.has_tag("null"):
            return "nothing"
        if self.has_tag("int", "float"):
            return f"the number {_cut(self.node.value)}"
        if self.has_tag("bool"):
            return str(self.node.value)
        return _quoted(self.node.value)


def read_document(path: Path, faults: Faults) -> Value | None:
    """The whole of a YAML file; `None` if it is empty. Raises `ConfigError` if it cannot be read or is not YAML."""
    source = _read_text(path)
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, int(error.position)) + 1
        raise ConfigError(f"{path}:{line}: a control character is not allowed here") from None
    except yaml.MarkedYAMLError as error:
        # Only the problem: PyYAML's own text quotes lines of the file, and those may hold a key.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    return None if node is None or node.tag == f"{_TAG}null" else Value(str(path), "", node, faults)


def as_value(data: object, faults: Faults, path: str = "") -> Value:
    """JSON's values as if a file held them, so that they are read by the same readers."""
    return Value("", path, _node(data), faults)


def _node(data: object) -> yaml.Node:
    if isinstance(data, Mapping):
        return yaml.MappingNode(f"{_TAG}map", [(_node(key), _node(inner)) for key, inner in data.items()])
    if isinstance(data, (list, tuple)):
        return yaml.SequenceNode(f"{_TAG}seq", [_node(item) for item in data])
    if data is None:
        return yaml.ScalarNode(f"{_TAG}null", "")
    if isinstance(data, bool):
        return yaml.ScalarNode(f"{_TAG}bool", "true" if data else "false")
    tag = "int" if isinstance(data, int) else "float" if isinstance(data, float) else "str"
    return yaml.ScalarNode(f"{_TAG}{tag}", str(data))


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: expected UTF-8 text") from None


def text(value: Value) -> str | None:
    if not value.has_tag("str"):
        is_number = value.has_tag("int", "float", "bool")
        value.expected("text (put it in quotes)" if is_number else "text")
        return None
    found = str(value.node.value)
    if not found.strip() or not found.isprintable():
        value.expected("text without control characters" if found.strip() else "some text")
        return None
    return found


def boolean(value: Value) -> bool | None:
    if not value.has_tag("bool"):
        value.expected("true or false")
        return None
    return str(value.node.value).lower() in {"true", "yes", "on"}


def whole(low: int, high: int) -> Reader[int]:
    """A reader of whole numbers, limits included."""

    def read(value: Value) -> int | None:
        if value.has_tag("int") and _WHOLE.fullmatch(value.node.value):
            number = int(value.node.value)
            if low <= number <= high:
                return number
        value.expected(f"a whole number from {low} to {high}")
        return None

    return read


def seconds(*, may_be_zero: bool) -> Reader[float]:
    def read(value: Value) -> float | None:
        if value.has_tag("int", "float"):
            try:
                number = float(value.node.value)
            except ValueError:
                number = math.nan
            if math.isfinite(number) and (number > 0 or (may_be_zero and number == 0)):
                return number
        value.expected("a number of seconds, 0 or more" if may_be_zero else "a number of seconds above 0")
        return None

    return read


def one_of(words: Collection[str]) -> Reader[str]:
    def read(value: Value) -> str | None:
        if value.has_tag("str") and value.node.value in words:
            return str(value.node.value)
        hint = _hint(value.node.value, words) if value.has_tag("str") else ""
        value.fault(f"expected one of {', '.join(words)}, got {value._shown()}{hint}")
        return None

    return read


def list_of(read_item: Reader[T], what: str, *, least: int = 0) -> Reader[tuple[T, ...]]:
    """A reader of lists; elements with a fault are reported and left out. `what` names the elements, in the plural."""

    def read(value: Value) -> tuple[T, ...] | None:
        items = value.items()
        if items is None:
            value.expected(f"a list of {what}")
            return None
        if len(value.node.value) < least:
            value.fault(f"expected at least {least} of the {what}")
            return None
        return tuple(item for item in map(read_item, items) if item is not None)

    return read


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1 if node.start_mark is not None else 0


def _hint(word: str, words: Collection[str]) -> str:
    close = get_close_matches(word, words, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _cut(found: str) -> str:
    return found if len(found) <= _SHOWN_CHARS else found[:_SHOWN_CHARS] + "…"


def _quoted(found: str) -> str:
    """Text in quotes, unless it may be a key that slipped into the wrong place."""
    if len(found) > _SHOWN_CHARS or "sk-" in found or "key:" in found:
        return f"a text of {len(found)} characters"
    return repr(found)
