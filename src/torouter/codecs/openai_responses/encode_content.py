"""Blocks of foreign requests as parts of messages, calls and outputs of Responses."""

from __future__ import annotations

from typing import Final

from torouter.canon.blocks import (
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    PlainText,
    ReasoningBlock,
    StoredMedia,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.losses import LossLog
from torouter.canon.names import wire_id, wire_name
from torouter.codecs.arguments import compact
from torouter.codecs.data_urls import data_url, sniff
from torouter.codecs.foreign_request import NO_RESULT, own_state, settle_text
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_images import image_url

__all__ = ["input_text", "media_parts", "needs_data", "no_output", "reasoning", "tool_call", "tool_output"]

_DEFAULT_FILENAME: Final = "document.pdf"


def needs_data(block: MediaBlock) -> bool:
    """It follows every link."""
    return False


def input_text(text: str) -> Json:
    return {"type": "input_text", "text": text}


def media_parts(block: MediaBlock, path: str, log: LossLog) -> list[Json]:
    """One part, or several where words about a document have to stand beside it."""
    log.settle(block.carried, path)
    if block.is_cited:
        log.report(f"{path}.citations", "dropped", "citations of the caller's documents cannot be asked for")
    if isinstance(block.source, StoredMedia):
        raise log.refusal(f"{path}.{block.place}", "the file lies at another provider", "send the file itself")
    if block.kind == "image":
        return [_image(block, path, log)]
    if block.kind == "document":
        return _document(block, path, log)
    raise log.refusal(path, f"it takes no {block.kind}", "send text, images or PDF documents")


def _address(block: MediaBlock, path: str, log: LossLog) -> str:
    source = block.source
    if isinstance(source, LinkedMedia) and source.url.startswith(("https://", "http://")):
        return source.url
    raise log.refusal(f"{path}.{block.place}", "only http and https addresses can be fetched", "send the data itself")


def _image(block: MediaBlock, path: str, log: LossLog) -> Json:
    if block.filename:
        log.report(f"{path}.{block.name_place}", "dropped", "images have no name there")
    source = block.source
    url = image_url(source, path, log) if isinstance(source, InlineMedia) else _address(block, path, log)
    return {"type": "input_image", "image_url": url, "detail": block.detail or "auto"}


def _document(block: MediaBlock, path: str, log: LossLog) -> list[Json]:
    source = block.source
    about = [text for text in (block.title or block.filename, block.context) if text]
    if isinstance(source, PlainText):
        if about:
            log.report(path, "approximated", "the document's title and context became its first lines")
        return [input_text("\n".join([*about, source.text]))]
    parts: list[Json] = []
    if block.context:
        log.report(f"{path}.context", "approximated", "the document's context became text in front of it")
        parts.append(input_text(block.context))
    return [*parts, _file(block, path, log)]


def _file(block: MediaBlock, path: str, log: LossLog) -> Json:
    source = block.source
    if not isinstance(source, InlineMedia):
        return {"type": "input_file", "file_url": _address(block, path, log)}
    media_type = source.media_type or sniff(source.data)
    if media_type != "application/pdf":
        raise log.refusal(path, f"files of type `{media_type or 'unknown'}` are not taken", "send PDF or plain text")
    url = data_url(InlineMedia(media_type=media_type, data=source.data))
    return {"type": "input_file", "filename": block.filename or block.title or _DEFAULT_FILENAME, "file_data": url}


def reasoning(block: ReasoningBlock) -> Json | None:
    """A reasoning item of this provider's own, as it was; `None` for any other."""
    own = own_state(block.blobs, "openai-responses")
    if own is None:
        return None
    words = block.summary or ((block.text,) if block.text else ())
    item: Json = {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in words]}
    item["encrypted_content"] = own.data
    return {**item, "id": block.id} if block.id else item


def tool_call(block: ToolCallBlock, path: str, log: LossLog) -> Json:
    log.settle(block.carried, path)
    call_id, name = wire_id(block.id, "openai-responses"), wire_name(block.name, "openai-responses")
    if block.kind == "custom":
        return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": block.arguments}
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": compact(block.arguments)}


def no_output(block: ToolCallBlock) -> Json:
    word = "custom_tool_call_output" if block.kind == "custom" else "function_call_output"
    return {"type": word, "call_id": wire_id(block.id, "openai-responses"), "output": NO_RESULT}


def tool_output(block: ToolResultBlock, path: str, log: LossLog) -> Json:
    """Outputs may hold media here; there is no flag for errors."""
    log.settle(block.carried, path)
    parts: list[Json] = []
    for index, part in enumerate(block.content):
        place = f"{path}.{block.place(index)}"
        if isinstance(part, TextBlock):
            settle_text(part, place, log)
            parts.append(input_text(part.text))
        elif isinstance(part, MediaBlock):
            parts += media_parts(part, place, log)
        else:
            raise log.refusal(place, f"parts of type `{part.kind}` are unknown there", "send text, images or PDF")
    if block.is_error:
        log.report(f"{path}.{block.error_place}", "approximated", "the error flag became words in front of the text")
        first = parts[0].get("text") if parts else ""
        parts[:1] = (
            [input_text(f"[tool error] {first}")]
            if isinstance(first, str)
            else [input_text("[tool error]"), *parts[:1]]
        )
    word = "custom_tool_call_output" if block.kind == "custom" else "function_call_output"
    return {"type": word, "call_id": wire_id(block.call_id, "openai-responses"), "output": _output(parts)}


def _output(parts: list[Json]) -> object:
    if not parts:
        return ""
    only = parts[0].get("text") if len(parts) == 1 else None
    return only if isinstance(only, str) else parts
