"""`POST /v1/embeddings`, seen 2026-11: texts (or tokens) in, floats or little-endian float32 in base64 out.

OpenAI's SDKs ask for base64 where their caller said nothing, and some of Node's misread floats then.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, Literal

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Carried
from torouter.canon.embeddings import Embeddings, EmbedRequest
from torouter.canon.losses import LossLog
from torouter.canon.usage import Usage
from torouter.codecs.codec import Embedding, Encoded
from torouter.codecs.fields import INT, STR, Fields, meaning, read_body
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_usage import openai_figures
from torouter.codecs.unreadable import UNREADABLE
from torouter.errors import RequestError, UpstreamError

__all__ = ["EMBEDDING"]

_ENCODINGS: Final[Mapping[str, Literal["float", "base64"]]] = {"float": "float", "base64": "base64"}
_TOKEN_STARTS: Final = b"[-0123456789"


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector]
    usage: Raw = Raw()


_read = msgspec.json.Decoder(_Answer).decode


def _decode_embed(body: bytes, verb: str) -> EmbedRequest:
    top = read_body(body)
    top.get("model", STR)
    dimensions, encoding = top.get("dimensions", INT), top.get("encoding_format", STR)
    if dimensions is not None and dimensions < 1:
        raise RequestError("`dimensions` must be at least 1", code="invalid_value", param="dimensions")
    texts, refused = _input(top)
    return EmbedRequest(
        dialect="openai-chat",
        texts=texts,
        dimensions=dimensions,
        dimensions_path="dimensions",
        encoding="float" if encoding is None else meaning(encoding, _ENCODINGS, "encoding_format"),
        carried=(*refused, *top.rest("openai-chat")),
    )


def _input(top: Fields) -> tuple[tuple[str, ...], tuple[Carried, ...]]:
    """The texts; or, where there are numbers of tokens, the input as it was: only its vendor knows what they mean."""
    if top.is_text("input"):
        return (top.need("input", STR),), ()
    entries = top.list("input")
    if not entries:
        raise RequestError("`input` must hold at least one text", code="missing_required_parameter", param="input")
    if all(bytes(entry)[:1] in _TOKEN_STARTS for entry in entries):
        why = "it takes texts, and no numbers of tokens"
        return (), top.carry("input", "openai-chat", "refuse", why)
    return tuple(_text(entry, f"input.{index}") for index, entry in enumerate(entries)), ()


def _text(entry: Raw, path: str) -> str:
    try:
        return STR.decode(entry)
    except UNREADABLE:
        raise RequestError(f"`{path}` must be a text", code="invalid_type", param=path) from None


def _encode_embed(request: EmbedRequest, model: str) -> Encoded:
    """Floats are what comes without asking; not every server knows the field to ask by."""
    log = LossLog("openai-chat")
    log.settle(request.carried)
    body: Json = {"model": model, "input": request.texts}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return Encoded(body=msgspec.json.encode(body), losses=log.losses())


def _read_embeddings(body: bytes) -> Embeddings:
    try:
        answer = _read(body)
        found = sorted(answer.data, key=lambda vector: vector.index)
        vectors = tuple(_unpacked(each.embedding) for each in found)
    except (*UNREADABLE, ValueError, struct.error) as error:
        raise UpstreamError(f"The upstream's embeddings cannot be read: {error}", phase="body") from None
    return Embeddings(vectors=vectors, usage=openai_figures(answer.usage, "reported") or Usage())


def _unpacked(vector: list[float] | str) -> Sequence[float]:
    if isinstance(vector, list):
        return vector
    data = b64decode(vector, validate=True)
    values = struct.unpack(f"<{len(data) // 4}f", data)
    if not all(map(isfinite, values)):
        raise ValueError("a number that is none")
    return values


def _render_embeddings(embeddings: Embeddings, request: EmbedRequest, model: str) -> bytes:
    used = embeddings.usage.total_input_tokens
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector, request.encoding)}
        for index, vector in enumerate(embeddings.vectors)
    ]
    usage = {"prompt_tokens": used, "total_tokens": used}
    return msgspec.json.encode({"object": "list", "data": data, "model": model, "usage": usage})


def _packed(vector: Sequence[float], encoding: str) -> Raw | str:
    """One by one, so that a thread that does this lets others in between."""
    if encoding == "float":
        return Raw(msgspec.json.encode(vector))
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
    except OverflowError:
        raise UpstreamError("The upstream's embeddings are too large for float32.", phase="body") from None


EMBEDDING: Final = Embedding(
    batch_limit=2048,
    decode_embed=_decode_embed,
    encode_embed=_encode_embed,
    read_embeddings=_read_embeddings,
    render_embeddings=_render_embeddings,
)
