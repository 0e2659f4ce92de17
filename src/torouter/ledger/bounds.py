"""How many tokens a request's body may weigh at most, in whichever dialect it is: what strict keys are held for.

No tokenizer makes more than one token of a byte, so text is bounded by its length. Pictures, documents and what is only
referred to are not: a picture has a bound of its own, and all else the largest context that any model has, as no model
reads more than its context. A request whose tools run at the provider has no bound, since each of their results is read
as input again. Vendors' API references, seen 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

__all__ = ["MAX_CONTEXT_TOKENS", "input_bound", "rerank_bound", "unbounded_field"]

MAX_CONTEXT_TOKENS: Final = 2_000_000
"""Grok 4 fast and Gemini 1.5 Pro."""
_TEMPLATE_TOKENS: Final = 4_096
"""What chat templates and the vendors' own instructions for tools may add. Of what is recorded no request weighs more
than 226 tokens above its bytes."""
_IMAGE_TOKENS: Final = 50_000
"""GPT-4o mini makes the most of one: 2,833 tokens and 5,667 for each of up to eight tiles."""

_IMAGE: Final = re.compile(
    rb'"type"\s*:\s*"(?:image|image_url|input_image|computer_screenshot)"|"mime_?type"\s*:\s*"image/', re.IGNORECASE
)
_UNWEIGHED: Final = re.compile(
    rb'"type"\s*:\s*"(?:document|file|input_file|video|video_url|input_video|container_upload|item_reference)"'
    rb'|"mime_?type"\s*:\s*"(?:application|video)/'
    rb'|"(?:file_?uri|file_?data|file_id|file_url)"\s*:',
    re.IGNORECASE,
)
_SPELLED: Final = re.compile(rb"\\u00(?:[46][0-9a-fA-F]|[57][0-9aA]|5[fF])")
"""Letters and the underscore can be spelled so, and nobody does it but to hide a word."""

_REFERENCES: Final = ("previous_response_id", "conversation", "cachedContent", "cached_content")
_RUNS_THERE: Final = (
    *("mcp_servers", "web_search_options", "search_parameters", "plugins", "enable_search", "container"),
    *("search_settings", "compound_custom"),
)
"""Fields of a request that make the provider search, or run something, by itself."""
_CLIENTS_TOOLS: Final = re.compile(
    r"function|custom|local_shell|shell|apply_patch|computer|computer_use_preview"
    r"|(?:bash|text_editor|computer|memory)_\d+"
)
"""Types of tools that the client runs. Gemini's have no type, but this member."""
_TOOL_LIST: Final = re.compile(rb'"tools"\s*:\s*\[', re.IGNORECASE)
_DECLARATIONS: Final = frozenset({"functionDeclarations", "function_declarations"})

_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Rerank(msgspec.Struct):
    query: object = ""
    documents: list[msgspec.Raw] = []


_read_rerank = msgspec.json.Decoder(_Rerank).decode


def unbounded_field(body: bytes) -> str | None:
    """The field that makes the provider read what nobody can foresee; `None` if there is none. A body with more lists
    of tools than were looked at counts as one that has such a tool."""
    if not body.lstrip().startswith(b"{"):
        return None  # a form
    try:
        fields = _read_object(body)
        if (name := _told(body, fields, _RUNS_THERE)) is not None:
            return name
        tools = msgspec.json.decode(fields.get("tools", b"null"))
    except _UNREADABLE:
        return "tools"
    listed = tools if isinstance(tools, list) else []
    place = next((place for place, tool in enumerate(listed) if not _is_clients(tool)), None)
    if place is not None:
        return f"tools[{place}]"
    spaces = sum(isinstance(tool, dict) and tool.get("type") == "namespace" for tool in listed)
    return "tools" if len(_TOOL_LIST.findall(body)) > isinstance(tools, list) + spaces else None


def _is_clients(tool: object) -> bool:
    if not isinstance(tool, dict):
        return False
    kind = tool.get("type")
    if kind == "namespace":
        inner = tool.get("tools")
        return isinstance(inner, list) and all(_is_clients(each) for each in inner)
    if isinstance(kind, str):
        return _CLIENTS_TOOLS.fullmatch(kind) is not None
    return "name" in tool or "function" in tool or tool.keys() <= _DECLARATIONS


def input_bound(body: bytes) -> int:
    """Tokens, for a body that `unbounded_field` has nothing against; it need not be JSON."""
    if _UNWEIGHED.search(body) or _SPELLED.search(body) or _refers(body):
        return MAX_CONTEXT_TOKENS
    images = len(_IMAGE.findall(body))
    text_bytes = len(body) - (_image_bytes(body) if images else 0)
    return min(MAX_CONTEXT_TOKENS, text_bytes + _TEMPLATE_TOKENS + images * _IMAGE_TOKENS)


def rerank_bound(body: bytes) -> int:
    """Rerankers read, and charge, the query with each of the documents."""
    try:
        asked = _read_rerank(body)
    except _UNREADABLE:
        return MAX_CONTEXT_TOKENS
    pairs = len(asked.documents) + 1
    return len(body) + pairs * (len(msgspec.json.encode(asked.query)) + 16)


def _refers(body: bytes) -> bool:
    try:
        fields = _read_object(body)
    except _UNREADABLE:
        return False
    if bytes(fields.get("prompt", b"")).startswith(b"{"):  # a stored one; of pictures it is the text
        return True
    return _told(body, fields, _REFERENCES) is not None


def _told(body: bytes, fields: Mapping[str, msgspec.Raw], names: Iterable[str]) -> str | None:
    """The first of these fields that says something. Of one that stands there twice only the last value is known."""
    for name in names:
        if name in fields:
            is_nothing = bytes(fields[name]) in (b"null", b"false", b"[]")
            if not is_nothing or body.count(b'"%b"' % name.encode()) > 1:
                return name
    return None


def _image_bytes(body: bytes) -> int:
    """Of pictures that are in the body, where a dialect reads a part of a message and nothing else."""
    try:
        read = msgspec.json.decode(body)
    except _UNREADABLE:
        return 0
    return sum(len(text) for part in _parts(read) for text in _pictures(part))


def _parts(body: object) -> Iterator[dict[str, object]]:
    for messages in _lists(body, "messages", "input", "contents"):
        for message in messages:
            for parts in _lists(message, "content", "parts", "output"):
                for part in parts:
                    yield from _with_inner(part)


def _with_inner(part: object) -> Iterator[dict[str, object]]:
    """A tool's result has parts of its own in Anthropic's dialect."""
    if not isinstance(part, dict):
        return
    yield part
    if part.get("type") == "tool_result":
        yield from (each for each in part.get("content") or () if isinstance(each, dict))


def _lists(holder: object, *names: str) -> Iterator[list[object]]:
    if isinstance(holder, dict):
        yield from (value for name in names if isinstance(value := holder.get(name), list))


def _pictures(part: dict[str, object]) -> Iterator[str]:
    """The base64 of a picture: a data URL (chat, Responses), a `source` (Anthropic), `inlineData` (Gemini)."""
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}} | {"type": "input_image", "image_url": str(url)}:
            if url.startswith("data:image/"):
                yield url
        case {"type": "image", "source": {"type": "base64", "data": str(data)}}:
            yield data
        case {"inlineData": {"mimeType": str(kind), "data": str(data)}} if kind.startswith("image/"):
            yield data
        case {"inline_data": {"mime_type": str(kind), "data": str(data)}} if kind.startswith("image/"):
            yield data
        case _:
            return
