"""Log probabilities as Gemini writes them: the chosen tokens, and beside that list, place by place, the likeliest.

Tokens have ids here, which are the vocabulary's own, and no bytes. Gemini API, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from torouter.canon.logprobs import TokenLogprob
from torouter.codecs.json_objects import Json
from torouter.codecs.unreadable import UNREADABLE

__all__ = ["logprobs_result", "read_logprobs"]

_CUT_CHARACTER = "\ufffd"
"""Stands in a token's text for bytes that are no whole character."""


class _Candidate(msgspec.Struct, rename="camel"):
    token: str | None = None
    log_probability: float | None = None


class _Top(msgspec.Struct):
    candidates: list[_Candidate] | None = None


class _Result(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Candidate] | None = None
    top_candidates: list[_Top] | None = None


_read_result = msgspec.json.Decoder(_Result).decode


def read_logprobs(raw: Raw) -> tuple[TokenLogprob, ...]:
    """Of a `logprobsResult`; none for what cannot be read."""
    try:
        result = _read_result(raw)
    except UNREADABLE:
        return ()
    chosen, tops = result.chosen_candidates or [], result.top_candidates or []
    return tuple(
        _canon(each, (tops[index].candidates or []) if index < len(tops) else []) for index, each in enumerate(chosen)
    )


def logprobs_result(tokens: Sequence[TokenLogprob]) -> Json:
    return {
        "topCandidates": [{"candidates": [_candidate(each) for each in token.top]} for token in tokens],
        "chosenCandidates": [_candidate(token) for token in tokens],
        "logProbabilitySum": sum(token.logprob for token in tokens),
    }


def _canon(said: _Candidate, top: Sequence[_Candidate] = ()) -> TokenLogprob:
    """Its bytes are those of its text, unless that text is a stand-in."""
    token = said.token or ""
    utf8 = None if _CUT_CHARACTER in token else tuple(token.encode("utf-8", "surrogatepass"))
    alternatives = tuple(map(_canon, top))
    return TokenLogprob(token=token, logprob=said.log_probability or 0.0, utf8=utf8, top=alternatives)


def _candidate(token: TokenLogprob) -> Json:
    return {"token": token.token, "logProbability": token.logprob}
