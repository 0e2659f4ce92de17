"""The demo's images: a small square of one colour, which is the prompt's own."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from hashlib import blake2b
from typing import Annotated, Final, Literal

import msgspec

from torouter.channels.demo.form import Form
from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import json_reply, stream_reply, typed_event
from torouter.errors import RequestError
from torouter.wire.memory import Reply

__all__ = ["edit", "generate", "png"]

_SIDE: Final = 32


class _Draw(msgspec.Struct):
    model: str
    prompt: str
    n: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    stream: bool | None = None


_DRAW: Final = msgspec.json.Decoder(_Draw)


def generate(incoming: Incoming) -> Reply:
    return _drawn(decode(_DRAW, incoming.body), incoming, "image_generation")


def edit(incoming: Incoming) -> Reply:
    """Also as JSON, with images by URL: newer SDKs send that."""
    if incoming.content_type.startswith(b"application/json"):
        return _drawn(decode(_DRAW, incoming.body), incoming, "image_edit")
    form = Form(incoming.content_type, incoming.body)
    if "image" not in form.files:
        raise RequestError("image is missing", param="image")
    try:
        asked = msgspec.convert(form.fields, _Draw, strict=False)
    except msgspec.ValidationError as err:
        raise RequestError(f"The demo cannot read this request: {err}") from None
    return _drawn(asked, incoming, "image_edit")


def _drawn(asked: _Draw, incoming: Incoming, name: str) -> Reply:
    image = b64encode(png(asked.prompt)).decode()
    usage = _usage(asked)
    if asked.stream:
        done: dict[str, object] = {
            "type": f"{name}.completed",
            "b64_json": image,
            "created_at": incoming.created_s,
            "usage": usage,
        }
        look = {"size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}
        return stream_reply([typed_event(done | look)])
    entry = {"url": f"data:image/png;base64,{image}"} if asked.response_format == "url" else {"b64_json": image}
    return json_reply({"created": incoming.created_s, "data": [entry] * (asked.n or 1), "usage": usage})


def _usage(asked: _Draw) -> dict[str, object]:
    read, drawn = tokens(len(asked.prompt.encode())), 16 * (asked.n or 1)
    return {
        "input_tokens": read,
        "input_tokens_details": {"text_tokens": read, "image_tokens": 0},
        "output_tokens": drawn,
        "total_tokens": read + drawn,
    }


def png(prompt: str) -> bytes:
    """A square of 32 by 32 pixels, RGB."""
    row = b"\0" + blake2b(prompt.encode(), digest_size=3).digest() * _SIDE
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * _SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
