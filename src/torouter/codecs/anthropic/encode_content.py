"""Blocks of foreign requests as content blocks of the Messages API."""

from __future__ import annotations

import base64
from typing import Final

import msgspec

from torouter.canon.blocks import (
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    OpaqueBlock,
    PlainText,
    ReasoningBlock,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.losses import LossLog
from torouter.canon.names import wire_id, wire_name
from torouter.codecs.arguments import NotAnObject, object_in
from torouter.codecs.data_urls import sniff
from torouter.codecs.foreign_request import own_state, settle_text
from torouter.codecs.json_objects import Json

__all__ = ["THINKING", "call_input", "is_visible", "media", "needs_data", "thinking", "tool_result", "tool_use"]

THINKING: Final = frozenset({"thinking", "redacted_thinking"})

_IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PLAIN_TYPES: Final = frozenset({"text/plain", "text/markdown", "text/csv", "text/html"})


def needs_data(block: MediaBlock) -> bool:
    """It follows https links only (vision guide, seen 2026-11)."""
    return isinstance(block.source, LinkedMedia) and block.source.url[:8].lower() != "https://"


def is_visible(text: str) -> bool:
    """The API refuses text blocks that are empty or hold only whitespace."""
    return bool(text.strip())


def media(block: MediaBlock, path: str, log: LossLog) -> Json:
    log.settle(block.carried, path)
    if block.kind not in ("image", "document"):
        raise log.refusal(path, f"it takes no {block.kind}", "send text, images or PDF documents")
    if block.detail not in (None, "auto"):
        log.report(f"{path}.{block.detail_place}", "dropped", "images have no level of detail there")
    if block.kind == "image":
        if block.filename:
            log.report(f"{path}.{block.name_place}", "dropped", "images have no name there")
        return {"type": "image", "source": _image_source(block, path, log)}
    document: Json = {"type": "document", "source": _document_source(block, path, log)}
    title = block.title or block.filename
    if title:
        document["title"] = title
    if block.context:
        document["context"] = block.context
    if block.is_cited:
        document["citations"] = {"enabled": True}
    return document


def _image_source(block: MediaBlock, path: str, log: LossLog) -> Json:
    source = block.source
    if isinstance(source, InlineMedia):
        media_type = sniff(source.data) or source.media_type
        if media_type not in _IMAGE_TYPES:
            raise log.refusal(
                path, f"images of type `{media_type or 'unknown'}` are not taken", "send JPEG, PNG, GIF or WebP"
            )
        return {"type": "base64", "media_type": media_type, "data": source.data}
    if isinstance(source, LinkedMedia) and source.url.startswith(("https://", "http://")):
        return {"type": "url", "url": source.url}
    raise log.refusal(
        f"{path}.{block.place}", _where(block), "send the image itself as a data URL, or a public https URL"
    )


def _document_source(block: MediaBlock, path: str, log: LossLog) -> Json:
    source = block.source
    if isinstance(source, PlainText):
        return {"type": "text", "media_type": "text/plain", "data": source.text}
    if isinstance(source, LinkedMedia) and source.url.startswith(("https://", "http://")):
        return {"type": "url", "url": source.url}
    if not isinstance(source, InlineMedia):
        raise log.refusal(f"{path}.{block.place}", _where(block), "send the file itself in `file_data`")
    media_type = sniff(source.data) or source.media_type
    if media_type == "application/pdf":
        return {"type": "base64", "media_type": media_type, "data": source.data}
    if media_type in _PLAIN_TYPES:
        return {"type": "text", "media_type": "text/plain", "data": _plain(source.data, path, log)}
    raise log.refusal(path, f"files of type `{media_type or 'unknown'}` are not taken", "send PDF or plain text")


def _plain(data: str, path: str, log: LossLog) -> str:
    try:
        return base64.b64decode(data).decode("utf-8")
    except ValueError:
        raise log.refusal(path, "the text in it is not UTF-8", "send it as UTF-8, in base64") from None


def _where(block: MediaBlock) -> str:
    if isinstance(block.source, LinkedMedia):
        return f"only http and https addresses can be fetched, not `{block.source.url.partition(':')[0]}:`"
    return "the file lies at another provider"


def thinking(block: ReasoningBlock) -> Json | None:
    """Claude's own thinking, as it was; `None` for what it did not sign."""
    own = own_state(block.blobs, "anthropic")
    if own is None:
        return None
    if own.kind == "redacted":
        return {"type": "redacted_thinking", "data": own.data}
    return {"type": "thinking", "thinking": block.text, "signature": own.data}


def tool_use(block: ToolCallBlock, arguments: bytes, path: str, log: LossLog) -> Json:
    """`arguments` is what `call_input` made of the call's."""
    log.settle(block.carried, path)
    return {
        "type": "tool_use",
        "id": wire_id(block.id, "anthropic"),
        "name": wire_name(block.name, "anthropic"),
        "input": msgspec.Raw(arguments),
    }


def call_input(block: ToolCallBlock, path: str, log: LossLog) -> bytes | None:
    """A call's arguments as a JSON object, verbatim; `None` if they are no JSON (the call was cut by a limit)."""
    try:
        return object_in(block.arguments)
    except NotAnObject:
        raise log.refusal(
            path, "the arguments of a call must be a JSON object", "send the call's arguments as an object"
        ) from None


def tool_result(block: ToolResultBlock, path: str, log: LossLog) -> Json:
    """An empty result is still a result. Text alone is written as one string where it came as one."""
    log.settle(block.carried, path)
    result: Json = {"type": "tool_result", "tool_use_id": wire_id(block.call_id, "anthropic")}
    parts = [
        _result_part(part, f"{path}.{block.place(index)}", log)
        for index, part in enumerate(block.content)
        if not isinstance(part, TextBlock) or is_visible(part.text)
    ]
    only = parts[0] if len(parts) == 1 else None
    if not parts:
        result["content"] = ""
    else:
        result["content"] = only["text"] if only is not None and only["type"] == "text" else parts
    if block.is_error is not None:
        result["is_error"] = block.is_error
    return result


def _result_part(part: TextBlock | MediaBlock | OpaqueBlock, path: str, log: LossLog) -> Json:
    if isinstance(part, TextBlock):
        settle_text(part, path, log)
        return {"type": "text", "text": part.text}
    if isinstance(part, MediaBlock):
        return media(part, path, log)
    raise log.refusal(path, f"parts of type `{part.kind}` are unknown there", "send text, images or PDF documents")
