"""The demo's reranking, in the form that Cohere, Jina and Together share: how many of the query's words are there."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import json_reply
from torouter.wire.memory import Reply

__all__ = ["rerank"]


class _Document(msgspec.Struct):
    text: str


class _Rerank(msgspec.Struct):
    model: str
    query: str
    documents: Annotated[list[str | _Document], msgspec.Meta(min_length=1, max_length=1000)]
    top_n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    return_documents: bool | None = None


_RERANK: Final = msgspec.json.Decoder(_Rerank)


def rerank(incoming: Incoming) -> Reply:
    asked = decode(_RERANK, incoming.body)
    texts = [document if isinstance(document, str) else document.text for document in asked.documents]
    scores = [_score(asked.query, text) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], index))[: asked.top_n]
    results = [
        {"index": index, "relevance_score": scores[index]}
        | ({"document": {"text": texts[index]}} if asked.return_documents else {})
        for index in order
    ]
    return json_reply(
        {
            "id": f"rerank-{incoming.seed}",
            "model": asked.model,
            "results": results,
            "usage": {"total_tokens": tokens(len(incoming.body))},
            "meta": {"billed_units": {"search_units": 1}},
        }
    )


def _score(query: str, text: str) -> float:
    """The share of the query's words that are in the text."""
    words = set(query.lower().split())
    return round(len(words & set(text.lower().split())) / len(words), 4) if words else 0.0
