"""A request that is sent home again: nothing is lost, merged or renamed; what was kept raw is spliced in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Raw, json

from torouter.canon.blocks import (
    Blob,
    Block,
    Carried,
    MediaBlock,
    OpaqueBlock,
    ReasoningBlock,
    RefusalBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.capsule import is_capsule
from torouter.canon.request import ChatRequest, Message
from torouter.codecs.gemini.spelling import camel
from torouter.codecs.json_objects import Json, kept

__all__ = ["UNSIGNED", "encode_home", "signature", "slot"]

UNSIGNED: Final = "skip_thought_signature_validator"
"""Google's own value for calls of another vendor's: Gemini 3 refuses those without a signature (thought signatures,
seen 2026-11). On the first call of each step, in every turn: on those of the last turn only, a growing conversation
would change its past."""
_TO_STANDARD: Final = str.maketrans("-_", "+/")


def encode_home(request: ChatRequest) -> bytes:
    """The settings and tools are among what was kept raw."""
    body = kept(request.carried, "gemini")
    for message in request.messages:
        if message.is_front:
            body["systemInstruction"] = _message(message)
    body["contents"] = [_message(message) for message in request.messages if not message.is_front]
    return json.encode(body)


def signature(blobs: Iterable[Blob]) -> Json:
    """The attribute of a part that Gemini itself signed; nothing for what others issued."""
    signed = next((blob.data for blob in blobs if blob.origin.dialect == "gemini"), None)
    return {} if signed is None else {"thoughtSignature": signed}


def slot(blobs: Iterable[Blob]) -> Json:
    """The same for a client, who gets others' state in a capsule: bytes in JSON, in the standard alphabet."""
    token = next(filter(None, (blob.token("gemini") for blob in blobs)), "")
    return {"thoughtSignature": token.translate(_TO_STANDARD) if is_capsule(token) else token} if token else {}


def _message(message: Message) -> Json:
    return {**kept(message.carried, "gemini"), "parts": [_part(block) for block in message.blocks]}


def _part(block: Block) -> Json | Raw:
    match block:
        case TextBlock():
            return {"text": block.text, **signature(block.blobs), **kept(block.carried, "gemini")}
        case ReasoningBlock():
            return {"text": block.text, "thought": True, **signature(block.blobs), **kept(block.carried, "gemini")}
        case MediaBlock() | ServerToolBlock() | OpaqueBlock():
            return Raw(block.raw)
        case ToolCallBlock():
            return {
                "functionCall": _call(block),
                **signature(block.blobs),
                **kept(block.carried, "gemini"),
            }
        case ToolResultBlock():
            result: Json = {"name": block.name, **_within(block.carried, "functionResponse")}
            return {"functionResponse": result, **kept(block.carried, "gemini")}
        case RefusalBlock():
            return {"text": block.text}


def _within(carried: Iterable[Carried], name: str) -> Json:
    """What stood in this object, however the caller spelled that."""
    return {item.name: Raw(item.value) for item in carried if camel(item.within) == name}


def _call(block: ToolCallBlock) -> Json:
    call: Json = {} if block.is_id_synthesised else {"id": block.id}
    call["name"] = block.name
    if block.arguments:
        call["args"] = Raw(block.arguments.encode())
    return {**call, **_within(block.carried, "functionCall")}
