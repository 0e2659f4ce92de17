"""Content blocks of the Messages API into canon: of requests, and (the same blocks) of answers.

Blocks of an unknown type stay raw, and are refused by every foreign encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Raw

from torouter.canon.blocks import (
    Blob,
    Block,
    CacheHint,
    Carried,
    Citation,
    Fate,
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    MediaKind,
    MediaSource,
    OpaqueBlock,
    Origin,
    PlainText,
    ReasoningBlock,
    ServerToolBlock,
    StoredMedia,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.codecs.fields import BOOL, STR, Fields

__all__ = ["SERVER_CALLS", "decode_block", "decode_citation", "is_server_result", "read_cache_hint"]

_HOME: Final = Origin(dialect="anthropic")
_SAID_BY_DATA: Final[tuple[Fate, str]] = ("hint", "what lies there says its own type")
_TTL_S: Final = {"5m": 300, "1h": 3600}
SERVER_CALLS: Final = frozenset({"server_tool_use", "mcp_tool_use"})
"""Calls that Anthropic's own servers ran."""
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "citations": ("report", "citations in the history have no field there"),
}


def decode_block(raw: Raw | bytes, path: str) -> Block:
    said = Fields(raw, path)
    word = said.need("type", STR)
    read = _BLOCKS.get(word)
    if read is not None:
        return read(said, bytes(raw))
    if word in SERVER_CALLS or is_server_result(word):
        return _server_tool(said, word, bytes(raw))
    return OpaqueBlock(origin=_HOME, kind=word, raw=bytes(raw))


def is_server_result(word: str) -> bool:
    """Results of server tools are named for the tool: `web_search_tool_result`, `mcp_tool_result`, …"""
    return word.endswith("_tool_result")


def read_cache_hint(said: Fields) -> CacheHint | None:
    raw, hint = said.raw("cache_control"), said.object("cache_control")
    if raw is None or hint is None:
        return None
    return CacheHint(origin="anthropic", raw=raw, ttl_s=_TTL_S.get(hint.get("ttl", STR) or "5m"))


def decode_citation(raw: Raw | bytes, path: str) -> Citation:
    """The block itself is what is cited: the offsets here are those of a document that the caller sent."""
    said = Fields(raw, path)
    return Citation(
        origin="anthropic",
        raw=bytes(raw),
        url=said.get("url", STR),
        title=said.get("title", STR) or said.get("document_title", STR),
        cited_text=said.get("cited_text", STR),
    )


def _text(said: Fields, raw: bytes) -> Block:
    citations = said.list("citations")
    return TextBlock(
        text=said.need("text", STR),
        citations=tuple(decode_citation(each, said.at(f"citations.{index}")) for index, each in enumerate(citations)),
        cache=read_cache_hint(said),
        carried=said.rest("anthropic"),
    )


def _image(said: Fields, raw: bytes) -> Block:
    return _media(said, raw, "image")


def _document(said: Fields, raw: bytes) -> Block:
    return _media(said, raw, "document")


def _media(said: Fields, raw: bytes, kind: MediaKind) -> Block:
    source = said.object("source")
    read = None if source is None else _SOURCES.get(source.need("type", STR))
    if source is None or read is None:
        return OpaqueBlock(origin=_HOME, kind=kind, raw=raw)
    citations = said.object("citations")
    medium, is_cited = read(source), bool(citations and citations.get("enabled", BOOL))
    return MediaBlock(
        kind=kind,
        source=medium,
        title=said.get("title", STR),
        context=said.get("context", STR),
        is_cited=is_cited,
        raw=raw,
        cache=read_cache_hint(said),
        carried=(
            *source.rest("anthropic", {"media_type": _SAID_BY_DATA}, within="source"),
            *(citations.rest("anthropic", within="citations") if citations else ()),
            *said.rest("anthropic"),
        ),
    )


def _base64_source(said: Fields) -> MediaSource:
    return InlineMedia(media_type=said.need("media_type", STR).lower(), data=said.need("data", STR))


def _url_source(said: Fields) -> MediaSource:
    return LinkedMedia(url=said.need("url", STR))


def _file_source(said: Fields) -> MediaSource:
    return StoredMedia(file_id=said.need("file_id", STR), origin=_HOME)


def _text_source(said: Fields) -> MediaSource:
    return PlainText(text=said.need("data", STR))


def _thinking(said: Fields, raw: bytes) -> Block:
    signature = said.get("signature", STR)
    return ReasoningBlock(
        text=said.get("thinking", STR) or "",
        blobs=(Blob(kind="signature", data=signature, origin=_HOME),) if signature else (),
        carried=said.rest("anthropic"),
    )


def _redacted(said: Fields, raw: bytes) -> Block:
    return ReasoningBlock(blobs=(Blob(kind="redacted", data=said.need("data", STR), origin=_HOME),))


def _tool_use(said: Fields, raw: bytes) -> Block:
    return ToolCallBlock(
        id=said.need("id", STR),
        name=said.need("name", STR),
        arguments=(said.raw("input") or b"{}").decode(),
        cache=read_cache_hint(said),
        carried=(*_caller(said), *said.rest("anthropic", _FATES)),
    )


def _caller(said: Fields) -> tuple[Carried, ...]:
    """The model itself (`direct`), or code that the provider ran."""
    caller = said.object("caller")
    if caller is None or caller.get("type", STR) == "direct":
        return said.carry("caller", "anthropic", "hint", "the model itself is the caller everywhere")
    return said.carry("caller", "anthropic", "report", "the code that made the call is not known there")


def _tool_result(said: Fields, raw: bytes) -> Block:
    return ToolResultBlock(
        call_id=said.need("tool_use_id", STR),
        content=_result_content(said),
        is_error=said.get("is_error", BOOL),
        cache=read_cache_hint(said),
        carried=(*_content_form(said), *said.rest("anthropic")),
    )


def _result_content(said: Fields) -> tuple[TextBlock | MediaBlock | OpaqueBlock, ...]:
    if said.is_text("content"):
        return (TextBlock(text=said.need("content", STR)),)
    return tuple(_result_part(raw, said.at(f"content.{index}")) for index, raw in enumerate(said.list("content")))


def _result_part(raw: Raw, path: str) -> TextBlock | MediaBlock | OpaqueBlock:
    block = decode_block(raw, path)
    if isinstance(block, TextBlock | MediaBlock | OpaqueBlock):
        return block
    return OpaqueBlock(origin=_HOME, kind=Fields(raw, path).need("type", STR), raw=bytes(raw))


def _content_form(said: Fields) -> tuple[Carried, ...]:
    """Whether the content was a string, a list or absent is the caller's own spelling, kept for home."""
    return said.carry("content", "anthropic", "typed")


def _server_tool(said: Fields, word: str, raw: bytes) -> Block:
    is_call = word in SERVER_CALLS
    return ServerToolBlock(
        stage="call" if is_call else "result",
        origin=_HOME,
        kind=word,
        raw=raw,
        call_id=said.get("id" if is_call else "tool_use_id", STR) or "",
        name=said.get("name", STR) or "",
    )


_BLOCKS: Final[Mapping[str, Callable[[Fields, bytes], Block]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}
_SOURCES: Final[Mapping[str, Callable[[Fields], MediaSource]]] = {
    "base64": _base64_source,
    "url": _url_source,
    "file": _file_source,
    "text": _text_source,
}
