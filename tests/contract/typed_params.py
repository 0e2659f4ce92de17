"""A request body against the official packages' own parameter types (`TypedDict`s), with unknown keys forbidden."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from functools import cache

import typing_extensions
from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

__all__ = ["chat_faults", "input_tokens_faults", "messages_count_faults", "messages_faults", "responses_faults"]

_OF_AN_OLDER_VERSION = frozenset(f"body.{name}: unknown" for name in ("temperature", "top_p", "top_k"))
"""Sampling is a part of the API's version 2023-06-01, and none of the version that the package knows."""


def chat_faults(body: dict[str, object]) -> list[str]:
    """Where a body is none that the `openai` package could have sent; empty if it is fine."""
    kind = CompletionCreateParamsStreaming if body.get("stream") else CompletionCreateParamsNonStreaming
    return list(_faults(body, kind, "body"))


def responses_faults(body: dict[str, object]) -> list[str]:
    kind = ResponseCreateParamsStreaming if body.get("stream") else ResponseCreateParamsNonStreaming
    return list(_faults(body, kind, "body"))


def messages_faults(body: dict[str, object]) -> list[str]:
    kind = MessageCreateParamsStreaming if body.get("stream") else MessageCreateParamsNonStreaming
    return [fault for fault in _faults(body, kind, "body") if fault not in _OF_AN_OLDER_VERSION]


def messages_count_faults(body: dict[str, object]) -> list[str]:
    return list(_faults(body, MessageCountTokensParams, "body"))


def input_tokens_faults(body: dict[str, object]) -> list[str]:
    return list(_faults(body, InputTokenCountParams, "body"))


@cache
def _fields(kind: type) -> dict[str, object]:
    return typing_extensions.get_type_hints(kind, include_extras=True)


@cache
def _required(kind: type) -> list[str]:
    """The packages' annotations are text, in which `TypedDict` itself does not see what is required."""
    return [name for name, hint in _fields(kind).items() if typing.get_origin(hint) is typing.Required]


def _faults(value: object, kind: object, path: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        yield from _none_fits(value, arguments, path)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is not one of {arguments}"
    elif origin in (typing.Annotated, typing.Required, typing.NotRequired):
        yield from _faults(value, arguments[0], path)
    elif typing_extensions.is_typeddict(kind):
        yield from _typed_dict_faults(value, kind, path)
    elif origin is not None and issubclass(origin, dict):
        if not isinstance(value, dict):
            yield f"{path}: not an object"
    elif origin is not None:  # the sequences
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for index, each in enumerate(value):
            yield from _faults(each, arguments[0], f"{path}.{index}")
    elif not _is_plain(value, kind):
        yield f"{path}: {value!r} is no {kind}"


def _none_fits(value: object, kinds: tuple[object, ...], path: str) -> Iterator[str]:
    """The faults of the kind that comes closest, if no kind fits."""
    tried = [list(_faults(value, kind, path)) for kind in kinds]
    if all(tried):
        yield from min(
            tried, key=lambda faults: (not any("." in fault.removeprefix(path) for fault in faults), len(faults))
        )


def _typed_dict_faults(value: object, kind: object, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    assert isinstance(kind, type)
    fields = _fields(kind)
    for name in value:
        if name not in fields:
            yield f"{path}.{name}: unknown"
    for name in _required(kind):
        if name not in value:
            yield f"{path}.{name}: missing"
    for name, each in value.items():
        if name in fields:
            yield from _faults(each, fields[name], f"{path}.{name}")


def _is_plain(value: object, kind: object) -> bool:
    if kind in (object, typing.Any):
        return True
    if kind is None or kind is type(None):
        return value is None
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(kind, type) and isinstance(value, kind)
