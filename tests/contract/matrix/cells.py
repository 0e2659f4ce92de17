"""The twelve translated cells, and one exchange through any of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from tests.contract.genai_sdk import genai_faults
from tests.contract.matrix.vendors import Said, streamed, whole
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from tests.live.gateway import Gateway
from tests.live.upstream import Answer, Upstream, json_answer, sse_answer
from tests.live.wire import Connection, Reply
from torouter.units import DIALECTS, Dialect

__all__ = ["CELLS", "FRAMINGS", "MODELS", "Asked", "Cell", "Framing", "Stage", "faults"]

Json = dict[str, Any]
Framing = Literal["whole", "streamed"]
FRAMINGS: tuple[Framing, ...] = ("whole", "streamed")

MODELS: dict[Dialect, str] = {
    "openai-chat": "gpt-5.1",
    "openai-responses": "gpt-5.2",
    "anthropic": "claude-sonnet-4-6",
    "gemini": "gemini-3-flash-preview",
}
"""The upstreams' models: such as can think, since most of what can be meant can be meant of them."""


@dataclass(frozen=True, slots=True)
class Cell:
    client: Dialect
    upstream: Dialect

    def __str__(self) -> str:
        return f"{self.client}-over-{self.upstream}"


CELLS = tuple(
    Cell(client, upstream) for client in sorted(DIALECTS) for upstream in sorted(DIALECTS) if client != upstream
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the upstream was asked (`None`: nothing) and what the client was answered."""

    body: Json | None
    reply: Reply

    @property
    def losses(self) -> list[str]:
        """The fields that the answer's header names."""
        told = self.reply.header("x-torouter-losses") or ""
        return [loss.partition(";")[0] for loss in told.split(", ") if loss]


@dataclass(frozen=True, slots=True)
class Stage:
    gateway: Gateway
    upstream: Upstream

    def play(self, cell: Cell, framing: Framing, body: Json, said: Said | Answer) -> Asked:
        """One exchange. The body lacks the model and the wish for a stream, which each dialect says in its own way."""
        model = MODELS[cell.upstream]
        if isinstance(said, Answer):
            answer = said
        elif framing == "streamed":
            answer = sse_answer(streamed(cell.upstream, said))
        else:
            answer = json_answer(json.loads(whole(cell.upstream, said)))
        self.upstream.script(model, answer)
        target, headers, sent = _request(cell, framing, body, self.gateway.key)
        with Connection(self.gateway.port) as connection:
            reply = connection.ask("POST", target, headers, json.dumps(sent).encode())
        visits = self.upstream.visits(model)
        assert len(visits) <= 1, f"{len(visits)} attempts"
        return Asked(json.loads(visits[0].body) if visits else None, reply)


def _request(cell: Cell, framing: Framing, body: Json, key: str) -> tuple[str, list[tuple[str, str]], Json]:
    model, is_stream = f"over-{cell.upstream}", framing == "streamed"
    headers = [("content-type", "application/json"), ("authorization", f"Bearer {key}")]
    if cell.client == "gemini":
        verb = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
        return f"/v1beta/models/{model}:{verb}", headers, body
    body = {"model": model, **body, **({"stream": True} if is_stream else {})}
    if cell.client == "openai-chat":
        usage = {"stream_options": {"include_usage": True}} if is_stream else {}
        return "/v1/chat/completions", headers, {**body, **usage}
    if cell.client == "openai-responses":
        return "/v1/responses", headers, body
    return "/v1/messages", [*headers, ("anthropic-version", "2023-06-01")], body


_FAULTS = {
    "openai-chat": chat_faults,
    "openai-responses": responses_faults,
    "anthropic": messages_faults,
    "gemini": genai_faults,
}


def faults(upstream: Dialect, body: Json) -> list[str]:
    """Where the body is none that the vendor's own SDK could have sent."""
    return _FAULTS[upstream](body)
