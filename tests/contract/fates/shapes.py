"""The official packages' parameter types, `TypedDict`s and pydantic models alike, as records of fields."""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any

import typing_extensions
from pydantic import BaseModel

__all__ = [
    "Field",
    "Kind",
    "element_kinds",
    "fields_of",
    "is_answer",
    "is_record",
    "label_of",
    "members_of",
    "name_of",
    "values_of",
]

Kind = Any
_WRAPPERS = (typing.Required, typing.NotRequired, typing.Annotated)


@dataclass(frozen=True)
class Field:
    """`kinds` are the members of its union, null aside."""

    name: str
    kinds: tuple[Kind, ...]
    is_required: bool


@cache
def fields_of(record: Kind) -> dict[str, Field]:
    if typing_extensions.is_typeddict(record):
        hints = typing_extensions.get_type_hints(record, include_extras=True)
        return {name: Field(name, members_of(hint), _is_required(hint)) for name, hint in hints.items()}
    found: dict[str, Field] = {}
    for name, field in record.model_fields.items():
        spelled = field.alias or name
        found[spelled] = Field(spelled, members_of(field.annotation), field.is_required())
    return found


def is_record(kind: Kind) -> bool:
    return typing_extensions.is_typeddict(kind) or is_model(kind)


def is_answer(kind: Kind) -> bool:
    """Unions of parameters may hold the packages' own answers too, for callers that send them back: no fields new."""
    return is_model(kind) and not kind.__module__.startswith("google.")


def is_model(kind: Kind) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def element_kinds(kind: Kind) -> tuple[Kind, ...] | None:
    """What a list holds; `None` for what is no list."""
    origin = typing.get_origin(kind)
    if not isinstance(origin, type) or issubclass(origin, dict) or origin in (types.UnionType,):
        return None
    return members_of(typing.get_args(kind)[0])


def values_of(kind: Kind) -> list[Any] | None:
    """The words of a `Literal` or an enum; `None` for what is neither."""
    if typing.get_origin(kind) is typing.Literal:
        return list(typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [member.value for member in kind]
    return None


def name_of(record: Kind) -> str:
    return f"genai.{record.__name__}" if is_model(record) else str(record.__name__)


def label_of(record: Kind) -> str:
    """The word by which one member of a union is told from the others; "" where there is none."""
    for name in ("type", "role"):
        field = fields_of(record).get(name)
        words = values_of(field.kinds[0]) if field is not None and len(field.kinds) == 1 else None
        if words is not None and words != ["message"]:
            return str(words[0])
    return ""


def _is_required(hint: Kind) -> bool:
    """The packages' annotations are text, in which `TypedDict` itself does not see what is required."""
    return typing.get_origin(hint) is typing.Required


def members_of(kind: Kind) -> tuple[Kind, ...]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in _WRAPPERS:
        return members_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(member for each in arguments for member in members_of(each))
    return () if kind is type(None) else (kind,)
