"""Asking a server which models it has, so that a channel without declared models knows its names."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter import __version__
from torouter.channels.base_url import BaseUrl
from torouter.channels.target import base_path
from torouter.errors import UpstreamError
from torouter.units import Dialect
from torouter.wire.upstream import Deadlines, Request

__all__ = ["models_request", "read_models"]

_DEADLINES: Final = Deadlines(connect_s=5.0, head_s=10.0, idle_s=10.0)
_QUERIES: Final[dict[Dialect, bytes]] = {"anthropic": b"?limit=1000", "gemini": b"?pageSize=1000"}
"""Both page their lists, at 20 and 50 by default; 1000 is the most that either gives (seen 2026-11)."""


class _Entry(msgspec.Struct, frozen=True):
    id: str = ""
    name: str = ""


class _List(msgspec.Struct, frozen=True):
    data: list[_Entry] | None = None
    models: list[_Entry] | None = None


_DECODER: Final = msgspec.json.Decoder(_List | list[_Entry])


def models_request(base: BaseUrl, dialect: Dialect, auth: bytes) -> Request:
    """`GET …/models` in the dialect's manner."""
    target = f"{base_path(base, dialect)}/models".encode() + _QUERIES.get(dialect, b"")
    version = b"anthropic-version: 2023-06-01\r\n" if dialect == "anthropic" else b""
    head = (
        b"GET %b HTTP/1.1\r\nhost: %b\r\n%baccept-encoding: identity\r\naccept: application/json\r\n"
        b"user-agent: torouter/%b\r\n%b"
    ) % (target, base.host, auth, __version__.encode(), version)
    return Request(base.origin, b"GET", target, head, b"", _DEADLINES)


def read_models(body: bytes) -> list[str]:
    """The names in a list of models, in its order: OpenAI's and Anthropic's `data[].id`, Gemini's `models[].name`
    (without `models/`), or a bare list (Together). Raises `UpstreamError` for anything else."""
    try:
        found = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise UpstreamError(f"not a list of models: {err}", phase="body", body=body[:4096]) from None
    if isinstance(found, list):
        entries = found
    elif found.data is not None:  # llama.cpp sends both; `data` is the one that its chat endpoint means
        entries = found.data
    elif found.models is not None:
        entries = found.models
    else:
        raise UpstreamError("not a list of models", phase="body", body=body[:4096])
    names = [entry.id or entry.name.removeprefix("models/") for entry in entries]
    return list(dict.fromkeys(name for name in names if name))
