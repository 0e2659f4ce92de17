"""Parts of a `generateContent` request into canon.

Only `thought: true` makes a part a thought: a signature alone does not. Parts of an unknown kind stay raw, and are
refused by every foreign encoder. Gemini API reference, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from torouter.canon.blocks import (
    Blob,
    Block,
    Carried,
    Fate,
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    MediaKind,
    MediaSource,
    OpaqueBlock,
    Origin,
    ReasoningBlock,
    ServerToolBlock,
    StoredMedia,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.codecs.data_urls import plain_base64
from torouter.codecs.fields import BOOL, STR
from torouter.codecs.gemini.call_ids import CallIds
from torouter.codecs.gemini.media_types import media_type_of
from torouter.codecs.gemini.spelling import CamelFields
from torouter.errors import RequestError

__all__ = ["SERVER_PARTS", "decode_part", "kind_of_part"]

_HOME: Final = Origin(dialect="gemini")
_FILES_HOST: Final = "generativelanguage.googleapis.com"
SERVER_PARTS: Final[Mapping[str, str]] = {
    "executableCode": "call",
    "codeExecutionResult": "result",
    "toolCall": "call",
    "toolResponse": "result",
}
"""What Google's own servers ran."""
_ATTRIBUTES: Final = frozenset(
    {"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata", "metadata"}
)
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "partMetadata": ("hint", "a label for the client itself"),
    "videoMetadata": ("report", "how a video is sampled has no field there"),
    "mediaResolution": ("report", "the resolution of media has no such field there"),
}
_CALL_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "partialArgs": ("refuse", "arguments in parts are Vertex AI's own form"),
    "willContinue": ("refuse", "arguments in parts are Vertex AI's own form"),
}
_DETAILS: Final = {
    "MEDIA_RESOLUTION_LOW": "low",
    "MEDIA_RESOLUTION_MEDIUM": "auto",
    "MEDIA_RESOLUTION_HIGH": "high",
    "MEDIA_RESOLUTION_ULTRA_HIGH": "high",
}
_UNWRAPPED: Final = ("output", "result", "content")


def decode_part(said: CamelFields, raw: bytes, ids: CallIds) -> Block:
    kind = kind_of_part(said)
    if kind in SERVER_PARTS:
        return _server_tool(said, kind, raw)
    read = _PARTS.get(kind)
    if read is None:
        return OpaqueBlock(origin=_HOME, kind=kind, raw=raw)
    return read(said, raw, ids)


def kind_of_part(said: CamelFields) -> str:
    """The field that holds the payload. A part of attributes only is an empty text."""
    payloads = [name for name in said.names() if name not in _ATTRIBUTES]
    known = next((name for name in payloads if name in _PARTS or name in SERVER_PARTS), None)
    return known or (payloads[0] if payloads else "text")


def _text(said: CamelFields, raw: bytes, ids: CallIds) -> Block:
    text, blobs = said.get("text", STR) or "", _blobs(said)
    if said.get("thought", BOOL):
        return ReasoningBlock(text=text, blobs=blobs, carried=said.rest("gemini", _FATES))
    return TextBlock(text=text, blobs=blobs, carried=(*said.keep("thought"), *said.rest("gemini", _FATES)))


def _blobs(said: CamelFields) -> tuple[Blob, ...]:
    signature = said.get("thoughtSignature", STR)
    return (Blob(kind="thought_signature", data=signature, origin=_HOME),) if signature else ()


def _inline(said: CamelFields, raw: bytes, ids: CallIds) -> Block:
    media = said.object("inlineData")
    assert media is not None, "the part is of this kind because the field is given"
    source = InlineMedia(media_type=_bare(media.get("mimeType", STR) or ""), data=plain_base64(media.need("data", STR)))
    return _media(said, raw, "inlineData", media, source, source.media_type)


def _linked(said: CamelFields, raw: bytes, ids: CallIds) -> Block:
    media = said.object("fileData")
    assert media is not None, "the part is of this kind because the field is given"
    uri = media.need("fileUri", STR)
    media_type = _bare(media.get("mimeType", STR) or "")
    source: MediaSource = LinkedMedia(url=uri, media_type=media_type)
    if _is_stored(uri):
        source = StoredMedia(file_id=uri, origin=_HOME)
    return _media(said, raw, "fileData", media, source, media_type or media_type_of(uri))


def _is_stored(uri: str) -> bool:
    """Files of the Files API, and those of Cloud Storage, are known to Google only."""
    return not uri.startswith(("https://", "http://")) or urlsplit(uri).netloc == _FILES_HOST


def _media(
    said: CamelFields, raw: bytes, place: str, media: CamelFields, source: MediaSource, media_type: str
) -> MediaBlock:
    return MediaBlock(
        kind=_kind(media_type),
        source=source,
        detail=_detail(said),
        filename=media.get("displayName", STR),
        raw=raw,
        place=said.spelled(place),
        detail_place=said.spelled("mediaResolution"),
        name_place=f"{said.spelled(place)}.{media.spelled('displayName')}",
        blobs=_blobs(said),
        carried=(*said.rest("gemini", _FATES), *media.rest("gemini", within=said.spelled(place))),
    )


def _kind(media_type: str) -> MediaKind:
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"


def _detail(said: CamelFields) -> str | None:
    resolution = said.object("mediaResolution")
    return None if resolution is None else _DETAILS.get(resolution.get("level", STR) or "")


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _call(said: CamelFields, raw: bytes, ids: CallIds) -> Block:
    call = said.object("functionCall")
    assert call is not None, "the part is of this kind because the field is given"
    name, given = call.need("name", STR), call.get("id", STR)
    return ToolCallBlock(
        id=ids.call(name, given),
        name=name,
        arguments=(call.raw("args") or b"").decode(),
        is_id_synthesised=not given,
        blobs=_blobs(said),
        carried=(
            *said.keep("thought"),
            *said.rest("gemini", _FATES),
            *call.rest("gemini", _CALL_FATES, within=said.spelled("functionCall")),
        ),
    )


def _result(said: CamelFields, raw: bytes, ids: CallIds) -> Block:
    """What a tool said. The object around a plain text goes: `{"output": "…"}` is how the text of others looks here."""
    result = said.object("functionResponse")
    assert result is not None, "the part is of this kind because the field is given"
    name, given = result.need("name", STR), result.get("id", STR)
    text, is_error = _told(result)
    within = said.path
    placed = [(part.path.removeprefix(f"{within}."), _result_part(part, each)) for part, each in result.items("parts")]
    inside = said.spelled("functionResponse")
    kept = result.keep("id", "response", "parts", within=inside)
    return ToolResultBlock(
        call_id=ids.answered(name, given),
        content=(*text, *(part for _, part in placed)),
        places=(*(result.at("response").removeprefix(f"{within}.") for _ in text), *(place for place, _ in placed)),
        is_error=is_error,
        name=name,
        error_place=result.at("response").removeprefix(f"{within}."),
        carried=(
            *_signed(said),
            *said.rest("gemini", _FATES),
            *kept,
            *result.rest("gemini", within=inside),
        ),
    )


def _signed(said: CamelFields) -> tuple[Carried, ...]:
    said.get("thoughtSignature", STR)
    return said.keep("thoughtSignature")


def _told(result: CamelFields) -> tuple[list[TextBlock], bool | None]:
    raw = result.raw("response")
    if raw is None:
        return [], None
    path = result.at("response")
    value = msgspec.json.decode(raw)
    if not isinstance(value, dict):
        raise RequestError(f"`{path}` must be an object", code="invalid_type", param=path)
    if len(value) == 1:
        ((name, only),) = value.items()
        if name in _UNWRAPPED and isinstance(only, str):
            return [TextBlock(text=only)], None
        if name == "error":
            return [TextBlock(text=only if isinstance(only, str) else msgspec.json.encode(only).decode())], True
    return [TextBlock(text=msgspec.json.format(raw, indent=-1).decode())], None


def _result_part(said: CamelFields, raw: bytes) -> MediaBlock | OpaqueBlock:
    kind = kind_of_part(said)
    read = {"inlineData": _inline, "fileData": _linked}.get(kind)
    block = None if read is None else read(said, raw, CallIds())
    return block if isinstance(block, MediaBlock) else OpaqueBlock(origin=_HOME, kind=kind, raw=raw)


def _server_tool(said: CamelFields, kind: str, raw: bytes) -> Block:
    ran = said.object(kind)
    return ServerToolBlock(
        stage="call" if SERVER_PARTS[kind] == "call" else "result",
        origin=_HOME,
        kind=kind,
        raw=raw,
        call_id=(ran.get("id", STR) if ran else None) or "",
        name=(ran.get("toolType", STR) if ran else None) or "",
    )


_PARTS: Final[Mapping[str, Callable[[CamelFields, bytes, CallIds], Block]]] = {
    "text": _text,
    "inlineData": _inline,
    "fileData": _linked,
    "functionCall": _call,
    "functionResponse": _result,
}
