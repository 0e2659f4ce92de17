"""The system instruction and the contents of a request into canon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torouter.canon.blocks import Block
from torouter.canon.request import Message, Role
from torouter.codecs.fields import STR, meaning
from torouter.codecs.gemini.call_ids import CallIds
from torouter.codecs.gemini.decode_content import decode_part
from torouter.codecs.gemini.spelling import CamelFields
from torouter.errors import RequestError

__all__ = ["decode_messages"]

_ROLES: Final[Mapping[str, Role]] = {"user": "user", "model": "assistant", "function": "user", "tool": "user"}


def decode_messages(top: CamelFields) -> tuple[Message, ...]:
    """The system instruction comes first, marked as standing in front."""
    front = top.object("systemInstruction")
    contents = top.items("contents")
    if not contents:
        raise RequestError(
            "`contents` must hold at least one content", code="missing_required_parameter", param="contents"
        )
    ids = CallIds()
    messages = [] if front is None else [_message(front, "system", CallIds(), is_front=True)]
    for index, (said, _) in enumerate(contents):
        word = said.get("role", STR) or "user"
        role = meaning(word, _ROLES, said.at("role"))
        ids.begin(index, is_model=role == "assistant")
        messages.append(_message(said, role, ids))
    return tuple(messages)


def _message(said: CamelFields, role: Role, ids: CallIds, *, is_front: bool = False) -> Message:
    said.get("role", STR)
    blocks: list[Block] = []
    places: list[str] = []
    for part, raw in said.items("parts"):
        blocks.append(decode_part(part, raw, ids))
        places.append(part.path.removeprefix(f"{said.path}."))
    return Message(
        role=role,
        path=said.path,
        blocks=tuple(blocks),
        places=tuple(places),
        is_front=is_front,
        carried=(*said.keep("role"), *said.rest("gemini")),
    )
