"""`:embedContent` and `:batchEmbedContents`, seen 2026-11: contents of one text each in, lists of floats out."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Carried, Fate
from torouter.canon.embeddings import Embeddings, EmbedRequest
from torouter.canon.losses import LossLog
from torouter.canon.usage import Usage
from torouter.codecs.codec import Embedding, Encoded
from torouter.codecs.fields import INT, STR, read_body
from torouter.codecs.gemini.spelling import CamelFields
from torouter.codecs.gemini.usage import read_usage, render_usage
from torouter.codecs.json_objects import Json
from torouter.codecs.unreadable import UNREADABLE
from torouter.errors import RequestError, UpstreamError

__all__ = ["EMBEDDING"]

_SINGLE: Final = "embedContent"
_FATES: Final[dict[str, tuple[Fate, str]]] = {
    "model": ("hint", ""),
    "taskType": ("report", "vectors are the same for all tasks there"),
    "title": ("report", "texts have no titles there"),
}


class _Vector(msgspec.Struct):
    values: list[float]


class _Answer(msgspec.Struct, rename="camel"):
    embeddings: list[_Vector]
    usage_metadata: Raw = Raw()


_read = msgspec.json.Decoder(_Answer).decode


def _decode_embed(body: bytes, verb: str) -> EmbedRequest:
    read_body(body)
    top = CamelFields(body, "")
    is_single = verb == _SINGLE
    asked = [top] if is_single else [said for said, _ in top.items("requests")]
    if not asked:
        raise RequestError("`requests` must hold at least one", code="missing_required_parameter", param="requests")
    carried: dict[str, Carried] = {}
    texts = tuple(_text(said, carried) for said in asked)
    dimensions, path = _dimensions(asked)
    for said in (*asked, *(() if is_single else (top,))):
        _keep(said.rest("gemini", _FATES, within=said.path), carried)
    return EmbedRequest(
        dialect="gemini",
        texts=texts,
        dimensions=dimensions,
        dimensions_path=path,
        is_single=is_single,
        carried=tuple(carried.values()),
    )


def _keep(found: tuple[Carried, ...], carried: dict[str, Carried]) -> None:
    """What all requests of a batch say is told once."""
    for item in found:
        carried.setdefault(item.name, item)


def _text(said: CamelFields, carried: dict[str, Carried]) -> str:
    """The text of a content with one part; of any other the parts are carried, to be refused."""
    content = CamelFields(said.raw("content") or b"{}", said.at("content"))
    content.get("role", STR)
    parts = content.items("parts")
    if not parts:
        path = content.at("parts")
        raise RequestError(f"`{path}` must hold one part", code="missing_required_parameter", param=path)
    text = parts[0][0].get("text", STR)
    if len(parts) > 1 or text is None:
        why = "one text makes one vector there" if len(parts) > 1 else "only texts can be embedded there"
        refused = content.carry("parts", "gemini", "refuse", why)
        _keep(tuple(msgspec.structs.replace(item, within=content.path) for item in refused), carried)
    return text or ""


def _dimensions(asked: list[CamelFields]) -> tuple[int | None, str]:
    said = [(each.get("outputDimensionality", INT), each.at("outputDimensionality")) for each in asked]
    dimensions, path = said[0]
    for other, other_path in said:
        if other is not None and other < 1:
            raise RequestError(f"`{other_path}` must be at least 1", code="invalid_value", param=other_path)
        if other != dimensions:
            raise RequestError(
                f"`{other_path}` differs from `{path}`: all vectors of a batch have the same length there",
                code="unsupported_value",
                param=other_path,
            )
    return dimensions, path


def _encode_embed(request: EmbedRequest, model: str) -> Encoded:
    """Always a batch."""
    log = LossLog("gemini")
    log.settle(request.carried)
    common: Json = {"model": model if "/" in model else f"models/{model}"}
    if request.dimensions is not None:
        common["outputDimensionality"] = request.dimensions
        log.report(request.dimensions_path, "approximated", "shortened vectors are not normalised there")
    body = {"requests": [{**common, "content": {"parts": [{"text": text}]}} for text in request.texts]}
    return Encoded(body=msgspec.json.encode(body), losses=log.losses())


def _read_embeddings(body: bytes) -> Embeddings:
    try:
        answer = _read(body)
    except UNREADABLE as error:
        raise UpstreamError(f"The upstream's embeddings cannot be read: {error}", phase="body") from None
    usage = read_usage(answer.usage_metadata)
    return Embeddings(
        vectors=tuple(each.values for each in answer.embeddings),
        usage=Usage() if usage is None else msgspec.structs.replace(usage, quality="reported"),
    )


def _render_embeddings(embeddings: Embeddings, request: EmbedRequest, model: str) -> bytes:
    vectors = [{"values": Raw(msgspec.json.encode(vector))} for vector in embeddings.vectors]
    body: Json = {"embedding": vectors[0]} if request.is_single else {"embeddings": vectors}
    return msgspec.json.encode({**body, "usageMetadata": render_usage(embeddings.usage)})


EMBEDDING: Final = Embedding(
    batch_limit=100,
    decode_embed=_decode_embed,
    encode_embed=_encode_embed,
    read_embeddings=_read_embeddings,
    render_embeddings=_render_embeddings,
)
