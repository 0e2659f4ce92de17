"""A Responses request that is sent home again: its items and all that was kept raw, spliced in."""

from __future__ import annotations

from msgspec import Raw, json

from torouter.canon.request import ChatRequest, Message
from torouter.codecs.json_objects import Json, kept
from torouter.codecs.openai_responses.decode_input import ITEM

__all__ = ["encode_home"]


def encode_home(request: ChatRequest, model: str) -> bytes:
    body: Json = {"model": model, **kept(request.carried, "openai-responses")}
    body["input"] = _input([message for message in request.messages if not message.is_front])
    return json.encode(body)


def _input(messages: list[Message]) -> Raw | list[Raw]:
    kept_raw = [item for message in messages for item in message.carried if item.name in (ITEM, "input")]
    if len(kept_raw) == 1 and kept_raw[0].name == "input":
        return Raw(kept_raw[0].value)
    return [Raw(item.value) for item in kept_raw if item.name == ITEM]
