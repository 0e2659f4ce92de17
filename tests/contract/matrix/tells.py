"""What upstreams say, and what of it clients of the other dialects must hear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.contract.matrix.asks.ask import A, C, G, R
from tests.contract.matrix.cells import Cell
from tests.contract.matrix.hearing import Heard, Weighed
from tests.contract.matrix.vendors import CHOSEN, OTHER, Call, End, Said, Source

__all__ = ["TELLS", "Tell", "expected"]

_ENDS: Mapping[End, Mapping[str, str]] = {
    "stop": {C: "stop", R: "completed", A: "end_turn", G: "STOP"},
    "stop_sequence": {C: "stop", R: "completed", A: "stop_sequence", G: "STOP"},
    "length": {C: "length", R: "max_output_tokens", A: "max_tokens", G: "MAX_TOKENS"},
    "tool_calls": {C: "tool_calls", R: "completed", A: "tool_use", G: "STOP"},
    "refusal": {C: "content_filter", R: "completed", A: "refusal", G: "SAFETY"},
    "content_filter": {C: "content_filter", R: "content_filter", A: "refusal", G: "SAFETY"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """`asks`: what clients ask for besides, of the upstreams whose dialects can be asked. `heard` gives, by (client,
    upstream), what of it is heard in another way than the rule has it, and `why`."""

    name: str
    said: Said
    asks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    why: str = ""
    heard: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)


def expected(tell: Tell, cell: Cell) -> Heard:
    """The rule: all is heard as it was said, under the client's word for the end."""
    said = tell.said
    rule = Heard(
        text=said.text,
        reasoning=said.reasoning,
        calls=tuple((call.id, call.name, call.arguments) for call in said.calls),
        end=_ENDS[said.end][cell.client],
        stop_sequence=said.stop_sequence if cell.client == A else None,
        sources=tuple((source.url, said.text[source.start : source.end]) for source in said.sources),
        logprobs=_weighed(said) if cell.client in tell.asks and cell.upstream in tell.asks else (),
        # Anthropic's figures say nothing of thought where there was none to tell.
        usage=(30, 10, 12, None if cell.client == A else 4),
    )
    return _with(rule, tell.heard.get((cell.client, cell.upstream), {}))


def _weighed(said: Said) -> tuple[Weighed, ...]:
    return tuple((piece, CHOSEN, ((piece, CHOSEN), OTHER)) for piece in said.pieces()) if said.is_weighed else ()


def _with(heard: Heard, changes: Mapping[str, Any]) -> Heard:
    return Heard(**{name: changes.get(name, getattr(heard, name)) for name in heard.__struct_fields__})


OSLO = Call("call_1", "weather", {"city": "Oslo"})
ROME = Call("call_2", "weather", {"city": "Rome"})
NOW = Call("call_3", "now", {})
TEXT = "Grüße 👋 from the model."

TELLS: Final = (
    Tell(name="a text", said=Said(text=TEXT)),
    Tell(name="visible thought, then a text", said=Said(reasoning="Let me see.", text=TEXT)),
    Tell(name="a call", said=Said(calls=(OSLO,), end="tool_calls")),
    Tell(name="a call without arguments", said=Said(calls=(NOW,), end="tool_calls")),
    Tell(name="two calls at once", said=Said(calls=(OSLO, ROME), end="tool_calls")),
    Tell(
        name="thought, a text and two calls",
        said=Said(reasoning="Hm.", text=TEXT, calls=(OSLO, ROME), end="tool_calls"),
    ),
    Tell(name="the limit", said=Said(text=TEXT, end="length")),
    Tell(name="a filter", said=Said(text=TEXT, end="content_filter")),
    Tell(
        name="a stop sequence that matched",
        said=Said(text=TEXT, end="stop_sequence", stop_sequence="END"),
        why="Responses and Gemini do not tell which one matched, or that one did",
        heard={(A, upstream): {"end": "end_turn", "stop_sequence": None} for upstream in (R, G)},
    ),
    Tell(
        name="log probabilities",
        said=Said(text=TEXT, is_weighed=True),
        asks={
            C: {"logprobs": True, "top_logprobs": 2},
            R: {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
            G: {"generationConfig": {"responseLogprobs": True, "logprobs": 2}},
        },
        why="Anthropic Messages has none",
    ),
    Tell(
        name="a source",
        said=Said(text=TEXT, sources=(Source("https://a.example/", "A", 0, 7),)),
        why="Anthropic cites blocks, not spans: the whole block is what is cited",
        heard={(client, A): {"sources": (("https://a.example/", TEXT),)} for client in (C, R, G)},
    ),
)
