"""The demo's embeddings in OpenAI's form: floats, or little-endian float32 in base64 as its SDKs ask for them."""

from __future__ import annotations

import struct
from base64 import b64encode
from typing import Annotated, Final, Literal

import msgspec

from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import json_reply
from torouter.channels.demo.vectors import unit_vector
from torouter.errors import RequestError
from torouter.wire.memory import Reply

__all__ = ["embed"]

_DIMENSIONS: Final = 1536


class _Embed(msgspec.Struct):
    model: str
    input: str | Annotated[list[str | int | list[int]], msgspec.Meta(min_length=1, max_length=2048)]
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=3072)] | None = None
    encoding_format: Literal["float", "base64"] | None = None


_EMBED: Final = msgspec.json.Decoder(_Embed)


def embed(incoming: Incoming) -> Reply:
    asked = decode(_EMBED, incoming.body)
    data = [
        {"object": "embedding", "index": index, "embedding": _written(vector, asked.encoding_format)}
        for index, vector in enumerate(unit_vector(text, asked.dimensions or _DIMENSIONS) for text in _texts(asked))
    ]
    used = tokens(sum(len(text) for text in _texts(asked)))
    usage = {"prompt_tokens": used, "total_tokens": used}
    return json_reply({"object": "list", "data": data, "model": asked.model, "usage": usage})


def _texts(asked: _Embed) -> list[str]:
    """One text per vector; tokens stand for themselves, a list of them is one text."""
    if isinstance(asked.input, str):
        return [asked.input]
    if all(isinstance(entry, int) for entry in asked.input):
        return [str(asked.input)]
    if any(isinstance(entry, int) for entry in asked.input):
        raise RequestError("input mixes tokens with other things", param="input")
    return [str(entry) for entry in asked.input]


def _written(vector: list[float], encoding: str | None) -> list[float] | str:
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if encoding == "base64" else vector
