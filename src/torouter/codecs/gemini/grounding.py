"""Grounding: what Google's searches support of an answer's text, as citations, and citations as grounding.

Offsets of segments are bytes of UTF-8 within a part; canon's are characters. Gemini API, grounding, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Citation
from torouter.codecs.absent import ABSENT
from torouter.codecs.json_objects import Json
from torouter.codecs.unreadable import UNREADABLE

__all__ = ["citations_in", "grounding_of"]


class _Web(msgspec.Struct):
    uri: str | None = None
    title: str | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    web: _Web | None = None
    retrieved_context: _Web | None = None
    maps: _Web | None = None


class _Segment(msgspec.Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None
    text: str | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[Raw] | None = None
    grounding_supports: list[Raw] | None = None


_read = msgspec.json.Decoder(_Grounding).decode
_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_support = msgspec.json.Decoder(_Support).decode


def citations_in(grounding: Raw, texts: Mapping[int, str]) -> Iterator[tuple[int, Citation]]:
    """The part of each citation, with the citation. `texts` are the answer's text parts, whole."""
    if grounding is ABSENT or not texts:
        return
    try:
        said = _read(grounding)
        chunks = [(raw, _read_chunk(raw)) for raw in said.grounding_chunks or ()]
        supports = [(raw, _read_support(raw)) for raw in said.grounding_supports or ()]
    except UNREADABLE:
        return
    for raw, support in supports:
        part, start, end = _placed(support.segment or _Segment(), texts)
        for index in support.grounding_chunk_indices or ():
            if not 0 <= index < len(chunks):
                continue
            source = chunks[index][1].web or chunks[index][1].retrieved_context or chunks[index][1].maps or _Web()
            yield (
                part,
                Citation(
                    origin="gemini",
                    raw=msgspec.json.encode({"support": raw, "chunk": chunks[index][0]}),
                    url=source.uri,
                    title=source.title,
                    cited_text=None if support.segment is None else support.segment.text,
                    start=start,
                    end=end,
                ),
            )


def _placed(segment: _Segment, texts: Mapping[int, str]) -> tuple[int, int | None, int | None]:
    """The part that a segment is of, and its characters. A segment's own text has the last word: the numbers count
    within parts that a stream does not show."""
    first, last = segment.start_index or 0, segment.end_index
    for part, text in texts.items():
        data = text.encode("utf-8", "surrogatepass")
        if segment.text is not None and last is not None and data[first:last] == segment.text.encode():
            start = len(data[:first].decode("utf-8", "ignore"))
            return part, start, start + len(segment.text)
    for part, text in texts.items():
        if segment.text and (start := text.find(segment.text)) >= 0:
            return part, start, start + len(segment.text)
    return next(iter(texts)), None, None


def grounding_of(cited: Iterable[tuple[Citation, str, int]]) -> Json:
    """Citations that have an address as `groundingMetadata`: each with the text of its block, and where that text
    starts among the answer's bytes."""
    chunks: list[Json] = []
    supports: list[Json] = []
    for citation, text, offset_bytes in cited:
        start = 0 if citation.start is None or citation.unit != "chars" else citation.start
        end = len(text) if citation.end is None or citation.unit != "chars" else citation.end
        segment: Json = {
            "startIndex": offset_bytes + len(text[:start].encode("utf-8", "surrogatepass")),
            "endIndex": offset_bytes + len(text[:end].encode("utf-8", "surrogatepass")),
            "text": text[start:end],
        }
        supports.append({"segment": segment, "groundingChunkIndices": [len(chunks)]})
        chunks.append({"web": {"uri": citation.url, "title": citation.title or ""}})
    return {"groundingChunks": chunks, "groundingSupports": supports} if chunks else {}
