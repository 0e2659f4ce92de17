"""Blocks of foreign requests as parts of Gemini's contents."""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from torouter.canon.blocks import (
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    PlainText,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.losses import LossLog
from torouter.canon.names import wire_id, wire_name
from torouter.codecs.arguments import NotAnObject, object_in
from torouter.codecs.data_urls import sniff
from torouter.codecs.foreign_request import settle_text
from torouter.codecs.gemini.media_types import media_type_of
from torouter.codecs.json_objects import Json

__all__ = [
    "NO_RESULT",
    "EncodedResult",
    "call_args",
    "function_call",
    "function_response",
    "media_parts",
    "needs_data",
    "text_part",
]

_IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_TEXT_TYPES: Final = frozenset({"text/markdown", "text/csv", "text/html", "text/xml", "application/json"})
_RESOLUTIONS: Final = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}
NO_RESULT: Final[Json] = {"error": "no result"}

EncodedResult = tuple[Json, list[Json]]
"""A result's `functionResponse`, and the parts of it that have to stand elsewhere."""


def needs_data(block: MediaBlock) -> bool:
    """Whether a model follows public links depends on its version and on Google's platform (seen 2026-11)."""
    return isinstance(block.source, LinkedMedia)


def text_part(text: str) -> Json:
    return {"text": text}


def media_parts(block: MediaBlock, path: str, log: LossLog, *, takes_resolution: bool) -> list[Json]:
    """One part, or two where words about a document have to stand in front of it."""
    log.settle(block.carried, path)
    place = f"{path}.{block.place}"
    if block.is_cited:
        log.report(f"{path}.citations", "dropped", "citations of the caller's documents cannot be asked for")
    said = [text for text in (block.title or block.filename, block.context) if text]
    if said and (block.context or block.title or isinstance(block.source, PlainText)):
        log.report(path, "approximated", "the document's title and context became text in front of it")
    elif said:
        log.report(f"{path}.{block.name_place}", "dropped", "files have no name there")
        said = []
    if isinstance(block.source, PlainText):
        return [text_part("\n".join([*said, block.source.text]))]
    part = _source(block, path, place, log)
    if block.detail not in (None, "auto"):
        if takes_resolution and block.detail in _RESOLUTIONS:
            part["mediaResolution"] = {"level": _RESOLUTIONS[str(block.detail)]}
        else:
            reason = f"the model takes no level of detail `{block.detail}` for one image"
            log.report(f"{path}.{block.detail_place}", "dropped", reason)
    return [*(text_part(text) for text in said), part]


def _source(block: MediaBlock, path: str, place: str, log: LossLog) -> Json:
    source = block.source
    if isinstance(source, InlineMedia):
        return _inline(block, source, path, log)
    if isinstance(source, LinkedMedia):
        if not source.url.lower().startswith(("https://", "http://")):
            raise log.refusal(place, "only http and https addresses can be followed", "send the file itself")
        known = source.media_type or media_type_of(source.url)
        return {"fileData": {"fileUri": source.url, **({"mimeType": known} if known else {})}}
    raise log.refusal(place, "the file lies at another provider", "send the file itself")


def _inline(block: MediaBlock, source: InlineMedia, path: str, log: LossLog) -> Json:
    media_type = sniff(source.data) or source.media_type
    if block.kind == "image" and media_type not in _IMAGE_TYPES:
        raise log.refusal(
            path, f"images of type `{media_type or 'unknown'}` are not taken", "send PNG, JPEG, WebP or HEIC"
        )
    if block.kind == "document" and media_type in _TEXT_TYPES:
        media_type = "text/plain"
    if block.kind == "document" and media_type not in ("application/pdf", "text/plain"):
        raise log.refusal(path, f"files of type `{media_type or 'unknown'}` are not taken", "send PDF or plain text")
    if not media_type:
        raise log.refusal(path, "the type of the data is not known", "give its media type")
    return {"inlineData": {"mimeType": media_type, "data": source.data}}


def call_args(block: ToolCallBlock, path: str, log: LossLog) -> bytes | None:
    """A call's arguments as a JSON object, verbatim; `None` if they are no JSON (the call was cut by a limit)."""
    try:
        return object_in(block.arguments)
    except NotAnObject:
        raise log.refusal(
            path, "the arguments of a call must be a JSON object", "send the call's arguments as an object"
        ) from None


def function_call(block: ToolCallBlock, args: bytes, path: str, log: LossLog, *, takes_ids: bool) -> Json:
    """`args` is what `call_args` made of the call's arguments."""
    log.settle(block.carried, path)
    return {"functionCall": {**_id(block.id, takes_ids), "name": wire_name(block.name, "gemini"), "args": Raw(args)}}


def function_response(
    block: ToolResultBlock, name: str, path: str, log: LossLog, *, takes_ids: bool, takes_parts: bool
) -> EncodedResult:
    """`name` is that of the call. `takes_parts`: media may stand within the response (Gemini 3)."""
    log.settle(block.carried, path)
    texts: list[str] = []
    media: list[Json] = []
    hoisted: list[Json] = []
    for index, part in enumerate(block.content):
        place = f"{path}.{block.place(index)}"
        if isinstance(part, TextBlock):
            settle_text(part, place, log)
            texts.append(part.text)
        elif not isinstance(part, MediaBlock):
            raise log.refusal(place, f"parts of type `{part.kind}` are unknown there", "send text, images or PDF")
        elif takes_parts:
            found = media_parts(part, place, log, takes_resolution=False)
            texts += [str(each["text"]) for each in found if "text" in each]
            media += [each for each in found if "text" not in each]
        else:
            log.report(place, "moved", f"results hold text only; the {part.kind} follows in a content of its own")
            label = text_part(f"[{part.kind} from tool result {block.call_id}]")
            hoisted += [label, *media_parts(part, place, log, takes_resolution=False)]
    text = "\n".join(texts)
    response: Json = {"error": text} if block.is_error else {"output": text}
    said: Json = {**_id(block.call_id, takes_ids), "name": wire_name(name, "gemini"), "response": response}
    if media:
        said["parts"] = media
    return {"functionResponse": said}, hoisted


def _id(call_id: str, takes_ids: bool) -> Json:
    return {"id": wire_id(call_id, "gemini")} if takes_ids else {}
