"""The system prompt and the messages of a Messages request into canon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torouter.canon.blocks import Block, TextBlock
from torouter.canon.request import Message, Role
from torouter.codecs.anthropic.decode_content import decode_block
from torouter.codecs.fields import STR, Fields

__all__ = ["decode_messages"]

_ROLES: Final[Mapping[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}


def decode_messages(top: Fields) -> tuple[Message, ...]:
    """The system prompt comes first, as one message that is marked as standing in front."""
    front = _blocks(top, "system", "system")
    messages = [_message(said) for said in top.need_objects("messages", "message")]
    if front:
        messages.insert(0, _placed("system", "system", front, is_front=True))
    return tuple(messages)


def _message(said: Fields) -> Message:
    _, role = said.need_word("role", _ROLES)
    message = _placed(role, said.path, _blocks(said, "content", "content"))
    carried = said.rest("anthropic")
    return Message(role=role, path=said.path, blocks=message.blocks, places=message.places, carried=carried)


def _placed(role: Role, path: str, placed: list[tuple[str, Block]], *, is_front: bool = False) -> Message:
    return Message(
        role=role,
        path=path,
        blocks=tuple(block for _, block in placed),
        places=tuple(place for place, _ in placed),
        is_front=is_front,
    )


def _blocks(said: Fields, name: str, place: str) -> list[tuple[str, Block]]:
    """A string is one text block. Blocks of the system prompt are numbered directly under `system`."""
    is_front = name == "system"
    if said.is_text(name):
        return [("" if is_front else place, TextBlock(text=said.need(name, STR)))]
    places = (f"{index}" if is_front else f"{place}.{index}" for index in range(len(said.list(name))))
    return [
        (below, decode_block(raw, said.at(f"{name}.{index}")))
        for index, (below, raw) in enumerate(zip(places, said.list(name), strict=True))
    ]
