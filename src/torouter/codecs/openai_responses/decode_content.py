"""Parts of Responses messages and of tools' outputs into blocks. A part of an unknown type stays raw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Raw

from torouter.canon.blocks import (
    Block,
    CacheHint,
    Citation,
    Fate,
    InlineMedia,
    LinkedMedia,
    MediaBlock,
    MediaSource,
    OpaqueBlock,
    Origin,
    RefusalBlock,
    StoredMedia,
    TextBlock,
)
from torouter.codecs.data_urls import parse_data_url, plain_base64, sniff
from torouter.codecs.fields import INT, STR, Fields, join
from torouter.errors import RequestError

__all__ = ["decode_content"]

_HOME: Final = Origin(dialect="openai-responses")
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "logprobs": ("hint", "log probabilities of an earlier answer say nothing to a model"),
    "cache_control": ("hint", "a cache hint changes the price only"),
}
Placed = list[tuple[str, Block]]


def decode_content(said: Fields, name: str) -> Placed:
    """The blocks of a text or a list of parts, each with its place below the item."""
    if said.is_text(name):
        return [(name, TextBlock(text=said.need(name, STR)))]
    return [
        (f"{name}.{index}", _part(Fields(raw, join(said.at(name), index)), raw))
        for index, raw in enumerate(said.list(name))
    ]


def _part(said: Fields, raw: Raw) -> Block:
    word = said.need("type", STR)
    read = _PARTS.get(word)
    return OpaqueBlock(origin=_HOME, kind=word, raw=bytes(raw)) if read is None else read(said, bytes(raw))


def _text(said: Fields, raw: bytes) -> Block:
    text = said.need("text", STR)
    citations = tuple(_citation(Fields(each, said.at("annotations")), each) for each in said.list("annotations"))
    return TextBlock(text=text, citations=citations, cache=_cache(said), carried=said.rest("openai-responses", _FATES))


def _citation(said: Fields, raw: Raw) -> Citation:
    return Citation(
        origin="openai-responses",
        raw=bytes(raw),
        url=said.get("url", STR),
        title=said.get("title", STR),
        start=said.get("start_index", INT),
        end=said.get("end_index", INT),
    )


def _refusal(said: Fields, raw: bytes) -> Block:
    return RefusalBlock(text=said.need("refusal", STR), carried=said.rest("openai-responses", _FATES))


def _image(said: Fields, raw: bytes) -> Block:
    source, place = _image_source(said)
    return MediaBlock(
        kind="image",
        source=source,
        detail=said.get("detail", STR),
        raw=raw,
        place=place,
        cache=_cache(said),
        carried=said.rest("openai-responses", _FATES),
    )


def _image_source(said: Fields) -> tuple[MediaSource, str]:
    file_id, url = said.get("file_id", STR), said.get("image_url", STR)
    _check_single(said, "file_id", "image_url")
    if url is not None:
        return parse_data_url(url) or LinkedMedia(url=url), "image_url"
    if file_id is None:
        said.need("image_url", STR)
    return StoredMedia(file_id=file_id or "", origin=_HOME), "file_id"


def _file(said: Fields, raw: bytes) -> Block:
    source, place = _file_source(said)
    return MediaBlock(
        kind="document",
        name_place="filename",
        source=source,
        filename=said.get("filename", STR),
        raw=raw,
        place=place,
        cache=_cache(said),
        carried=said.rest("openai-responses", _FATES),
    )


def _file_source(said: Fields) -> tuple[MediaSource, str]:
    data, url, file_id = said.get("file_data", STR), said.get("file_url", STR), said.get("file_id", STR)
    _check_single(said, "file_id", "file_url", "file_data")
    if data is not None:
        media = parse_data_url(data) or InlineMedia(media_type=sniff(data), data=plain_base64(data))
        return media, "file_data"
    if url is not None:
        return LinkedMedia(url=url), "file_url"
    if file_id is not None:
        return StoredMedia(file_id=file_id, origin=_HOME), "file_id"
    path = said.at("file_data")
    raise RequestError(f"`{path}` is required", code="missing_required_parameter", param=path)


def _check_single(said: Fields, *names: str) -> None:
    given = [name for name in names if said.raw(name) is not None]
    if len(given) > 1:
        path = said.at(given[0])
        message = f"`{path}` and `{given[1]}` exclude each other: send one of them"
        raise RequestError(message, code="invalid_value", param=path)


def _cache(said: Fields) -> CacheHint | None:
    raw = said.raw("prompt_cache_breakpoint")
    return None if raw is None else CacheHint(origin="openai-responses", raw=raw)


_PARTS: Final[Mapping[str, Callable[[Fields, bytes], Block]]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
}
