"""Blocks of foreign requests as parts and calls of Chat Completions messages."""

from __future__ import annotations

from typing import Final

from torouter.canon.blocks import InlineMedia, LinkedMedia, MediaBlock, PlainText, StoredMedia, ToolCallBlock
from torouter.canon.losses import LossLog
from torouter.canon.names import wire_id, wire_name
from torouter.codecs.arguments import compact
from torouter.codecs.data_urls import data_url, sniff
from torouter.codecs.foreign_request import own_state
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_chat.state import beside_call
from torouter.codecs.openai_images import image_url

__all__ = ["media_parts", "needs_data", "text_part", "tool_call"]

_DEFAULT_FILENAME: Final = "document.pdf"
_AUDIO_FORMATS: Final = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}


def needs_data(block: MediaBlock) -> bool:
    """It follows the links of images, and has no form for those of documents."""
    return isinstance(block.source, LinkedMedia) and block.kind == "document"


def text_part(text: str) -> Json:
    return {"type": "text", "text": text}


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
    if block.kind == "audio":
        return [_audio(block, path, log)]
    raise log.refusal(path, f"it takes no {block.kind}", "send text, images or PDF documents")


def _image(block: MediaBlock, path: str, log: LossLog) -> Json:
    source = block.source
    if block.filename:
        log.report(f"{path}.{block.name_place}", "dropped", "images have no name there")
    if isinstance(source, InlineMedia):
        url = image_url(source, path, log)
    elif isinstance(source, LinkedMedia) and source.url.startswith(("https://", "http://")):
        url = source.url
    else:
        raise log.refusal(
            f"{path}.{block.place}", "only http and https addresses can be fetched", "send the image itself"
        )
    detail = {} if block.detail is None else {"detail": block.detail}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _document(block: MediaBlock, path: str, log: LossLog) -> list[Json]:
    source = block.source
    if isinstance(source, PlainText):
        return [text_part("\n".join([*_heading(block, path, log), source.text]))]
    if not isinstance(source, InlineMedia):
        raise log.refusal(f"{path}.{block.place}", "it fetches no documents", "send the document itself, in base64")
    media_type = source.media_type or sniff(source.data)
    if media_type != "application/pdf":
        raise log.refusal(path, f"files of type `{media_type or 'unknown'}` are not taken", "send PDF or plain text")
    parts: list[Json] = []
    if block.context:
        log.report(f"{path}.context", "approximated", "the document's context became text in front of it")
        parts.append(text_part(block.context))
    filename = block.filename or block.title or _DEFAULT_FILENAME
    url = data_url(InlineMedia(media_type=media_type, data=source.data))
    parts.append({"type": "file", "file": {"filename": filename, "file_data": url}})
    return parts


def _heading(block: MediaBlock, path: str, log: LossLog) -> list[str]:
    said = [text for text in (block.title or block.filename, block.context) if text]
    if said:
        log.report(path, "approximated", "the document's title and context became its first lines")
    return said


def _audio(block: MediaBlock, path: str, log: LossLog) -> Json:
    source = block.source
    word = _AUDIO_FORMATS.get(source.media_type) if isinstance(source, InlineMedia) else None
    if word is None or not isinstance(source, InlineMedia):
        raise log.refusal(path, "audio is taken as WAV or MP3 data only", "send it in one of these forms")
    return {"type": "input_audio", "input_audio": {"data": source.data, "format": word}}


def tool_call(block: ToolCallBlock, path: str, log: LossLog) -> Json:
    log.settle(block.carried, path)
    own = own_state(block.blobs, "openai-chat")
    return {
        "id": wire_id(block.id, "openai-chat"),
        "type": "function",
        "function": {"name": wire_name(block.name, "openai-chat"), "arguments": compact(block.arguments)},
        **({} if own is None else beside_call(own)),
    }
