"""A request for each field that the official packages know of a dialect, and for some that clients send besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.fates.neighbours import NEIGHBOURS
from tests.contract.fates.requests import BESIDE, LEAST, TALKS
from tests.contract.fates.roots import BEYOND, CLIENT_ONLY, GEMINI_TOP, OF_ASSISTANTS, ROOTS, TALK, UNKNOWN
from tests.contract.fates.samples import least, samples
from tests.contract.fates.shapes import (
    Field,
    element_kinds,
    fields_of,
    is_answer,
    is_record,
    label_of,
    name_of,
    values_of,
)
from torouter.units import Dialect

__all__ = ["Path", "Probe", "probes"]

Json = dict[str, Any]
Path = tuple[str | int, ...]
_Put = Callable[[Any], tuple[Json, Path]]
"""A value in its place: the whole request, and the path there."""

_OF_USERS = frozenset({"text", "image", "document", "search_result", "tool_result", "container_upload"})
"""Blocks of Anthropic's that stand in messages of users; all others are the model's own."""
_SCHEMAS = frozenset({"InputSchemaTyped", "genai.Schema"})
_SOURCES = frozenset({"file_id", "file_url", "file_data", "image_url"})


@dataclass(frozen=True)
class Probe:
    """A request that says one thing. `without` are the same request without it, the closest first. `shown` is the
    field's name in the table, `path` where it stands in this request, `form` which of several values it has."""

    dialect: Dialect
    shown: str
    path: Path
    body: Json
    without: tuple[Json, ...]
    form: str = ""

    @property
    def value(self) -> Any:
        found: Any = self.body
        for step in self.path:
            found = found[step]
        return found


def probes(dialect: Dialect, is_dead: Callable[[Probe], bool]) -> Iterator[Probe]:
    """`is_dead`: a whole that no upstream takes; of its parts there is nothing more to say."""
    walker = _Walker(dialect, is_dead)
    for root in ROOTS[dialect]:
        for field in fields_of(root).values():
            yield from walker.top(root, field)
    yield from walker.top(None, Field(UNKNOWN, (str,), is_required=False))
    for name, values in BEYOND[dialect].items():
        yield from walker.said(name, values)
    if dialect == "openai-chat":
        for name in OF_ASSISTANTS:
            yield from walker.said_by_assistant(name)
    if dialect == "gemini":
        for name, kind in GEMINI_TOP.items():
            yield from walker.top(None, Field(name, (kind,), is_required=False))


class _Walker:
    def __init__(self, dialect: Dialect, is_dead: Callable[[Probe], bool]) -> None:
        self._dialect: Dialect = dialect
        self._is_dead = is_dead
        self._done: set[tuple[str, str]] = set()

    def top(self, record: Any, field: Field) -> Iterator[Probe]:
        if field.name in CLIENT_ONLY:
            return
        if field.name == TALK[self._dialect]:
            yield from self._talk(record, field)
            return

        def put(value: Any) -> tuple[Json, Path]:
            return {**LEAST[self._dialect], field.name: value}, (field.name,)

        yield from self._field(record, field, field.name, put, ())

    def said(self, name: str, values: list[Any]) -> Iterator[Probe]:
        for value in values:
            yield from self._said(
                name, lambda each: ({**LEAST[self._dialect], name: each}, (name,)), value, has_forms=len(values) > 1
            )

    def said_by_assistant(self, name: str) -> Iterator[Probe]:
        value = [{"type": "url_citation"}] if name in ("annotations", "reasoning_details") else "hm"
        message = {"role": "assistant", "content": "so", name: value}

        def put(_: Any) -> tuple[Json, Path]:
            turns, index = TALKS[self._dialect](message)
            return {**LEAST[self._dialect], "messages": turns}, ("messages", index, name)

        yield from self._said(f"messages[assistant].{name}", put, value)

    def _talk(self, record: Any, field: Field) -> Iterator[Probe]:
        name, talk = field.name, TALKS[self._dialect]

        def put(message: Json) -> tuple[Json, Path]:
            turns, index = talk(message)
            return {**LEAST[self._dialect], name: turns}, (name, index)

        for kind in field.kinds:
            elements = element_kinds(kind)
            if elements is None:
                yield from self._said(field.name, lambda value: ({**LEAST[self._dialect], name: value}, (name,)), "so")
            for element in elements or ():
                yield from self._kind(element, f"{name}{_labelled(element)}", put, ())

    def _field(self, record: Any, field: Field, shown: str, put: _Put, seen: tuple[Any, ...]) -> Iterator[Probe]:
        for kind in field.kinds:
            elements = element_kinds(kind)
            if is_answer(kind):
                continue
            if is_record(kind):
                word = label_of(kind)
                named = f"{shown}[{word}]" if word and len(field.kinds) > 1 else shown
                yield from self._kind(kind, named, put, seen, is_fixed=field.is_required and len(field.kinds) == 1)
            elif elements is not None and any(map(is_record, elements)):
                for element in elements:
                    if is_record(element) and not is_answer(element):
                        yield from self._kind(element, f"{shown}{_labelled(element)}", _in_list(put), seen)
            else:
                values = samples(record, field, kind)
                if field.is_required and len(values_of(kind) or ()) == 1 and len(field.kinds) == 1:
                    continue  # it has only one word to say
                for value in values:
                    other = _other(value, values) if field.is_required else None
                    yield from self._said(shown, put, value, other, has_forms=len(values) > 1)

    def _kind(
        self, record: Any, shown: str, put: _Put, seen: tuple[Any, ...], *, is_fixed: bool = False
    ) -> Iterator[Probe]:
        if record in seen:
            return
        if not is_fixed:
            probe = self._probe(shown, put, _whole(record))
            yield from self._once(probe)
            if self._is_dead(probe):
                return
        for field in fields_of(record).values():
            if field.name in ("type", "role") and label_of(record):
                continue
            yield from self._member(record, field, shown, put, (*seen, record))
        if ".format[" in shown or name_of(record) in _SCHEMAS:  # a custom tool's grammar and a schema pass as they are
            return
        yield from self._said(f"{shown}.{UNKNOWN}", lambda value: _beside(put, _whole(record), value), "said")

    def _member(self, record: Any, field: Field, shown: str, put: _Put, seen: tuple[Any, ...]) -> Iterator[Probe]:
        around = {**_whole(record), **NEIGHBOURS.get(f"{name_of(record)}.{field.name}", {})}
        if name_of(record) == "genai.Part":
            around = NEIGHBOURS.get(f"genai.Part.{field.name}", {})
        if field.name in _SOURCES:
            around = {name: value for name, value in around.items() if name not in _SOURCES}
        kinds = field.kinds
        if self._dialect == "anthropic" and field.name == "content" and shown.startswith("messages[") and not seen[1:]:
            kinds = tuple(_naturally(kind, shown) for kind in kinds)

        def inner(value: Any) -> tuple[Json, Path]:
            body, path = put({**around, field.name: value})
            return body, (*path, field.name)

        yield from self._field(
            record, Field(field.name, kinds, field.is_required), f"{shown}.{field.name}", inner, seen
        )

    def _said(
        self, shown: str, put: _Put, value: Any, other: Any = None, *, has_forms: bool = False
    ) -> Iterator[Probe]:
        yield from self._once(self._probe(shown, put, value, other, _form(value) if has_forms else ""))

    def _probe(self, shown: str, put: _Put, value: Any, other: Any = None, form: str = "") -> Probe:
        beside = next((said for name, said in BESIDE[self._dialect].items() if shown.startswith(name)), {})
        body, path = put(value)
        body = {**beside, **body}
        without = [_removed(body, path[:length]) for length in range(len(path), 1, -1)]
        if other is not None:
            without.insert(0, {**beside, **put(other)[0]})
        return Probe(self._dialect, shown, path, body, (*without, {**beside, **LEAST[self._dialect]}), form)

    def _once(self, probe: Probe) -> Iterator[Probe]:
        """Records of one label (and those of the beta) know the same fields."""
        if (probe.shown, probe.form) not in self._done:
            self._done.add((probe.shown, probe.form))
            yield probe


def _beside(put: _Put, whole: Json, value: Any) -> tuple[Json, Path]:
    body, path = put({**whole, UNKNOWN: value})
    return body, (*path, UNKNOWN)


def _whole(record: Any) -> Json:
    return {**least(record), **NEIGHBOURS.get(name_of(record), {})}


def _in_list(put: _Put) -> _Put:
    def inner(value: Any) -> tuple[Json, Path]:
        body, path = put([value])
        return body, (*path, 0)

    return inner


def _labelled(record: Any) -> str:
    return f"[{label_of(record)}]"


def _naturally(kind: Any, shown: str) -> Any:
    """Of the union of all blocks those that stand in messages of this role."""
    elements = element_kinds(kind)
    if elements is None:
        return kind
    is_user = "[user]" in shown
    known = {label_of(each): each for each in elements if not is_answer(each)}
    fitting = [each for word, each in known.items() if (word in _OF_USERS) is is_user or word == "text"]
    return list[_union(fitting)]


def _union(kinds: list[Any]) -> Any:
    union = kinds[0]
    for kind in kinds[1:]:
        union = union | kind
    return union


def _removed(body: Json, path: Path) -> Json:
    """A copy without what stands at the path."""

    def copied(value: Any, rest: Path) -> Any:
        step, *left = rest
        if isinstance(value, list):
            assert isinstance(step, int)
            inner = [copied(value[step], tuple(left))] if left else []
            return [*value[:step], *inner, *value[step + 1 :]]
        return {
            name: copied(each, tuple(left)) if name == step else each
            for name, each in value.items()
            if name != step or left
        }

    return copied(body, path)


def _other(value: Any, values: list[Any]) -> Any:
    """Another value of a field that cannot be left out."""
    for each in values:
        if each != value:
            return each
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return "other" if isinstance(value, str) else None


def _form(value: Any) -> str:
    if isinstance(value, str):
        return value if len(value) < 32 else f"{value[:12]}…"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return repr(value)
