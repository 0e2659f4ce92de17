"""How each dialect's clients address a gateway: where its paths hang, and in which header the key goes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.live.gateway import FIRST_KEY

__all__ = ["CALLERS", "JSON_TYPE", "Caller", "bearer", "error_code"]

JSON_TYPE: Final = ("content-type", "application/json")

Fields = tuple[tuple[str, str], ...]


def bearer(key: str = FIRST_KEY) -> Fields:
    return (("authorization", f"Bearer {key}"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One dialect from a client's side. `chat` and `stream` are paths below a mount, `{model}` where they name it."""

    dialect: str
    credential: Fields
    mounts: tuple[str, ...]
    chat: str
    stream: str
    body: Mapping[str, object]
    """A small valid chat body without `model`."""

    @property
    def names_model_in_path(self) -> bool:
        return "{model}" in self.chat

    def target(self, model: str, *, stream: bool = False) -> str:
        """Path and query of a chat request, on the first mount."""
        return self.mounts[0] + (self.stream if stream else self.chat).format(model=model)

    def encode(self, model: str, *, stream: bool = False, **more: object) -> bytes:
        """The small chat body, asking for this model, with further fields."""
        told = {**self.body, **more}
        if not self.names_model_in_path:
            told = {"model": model, **told, **({"stream": True} if stream else {})}
        return json.dumps(told).encode()

    def headers(self, *more: tuple[str, str]) -> Fields:
        return (*self.credential, JSON_TYPE, *more)


CALLERS: Final[Mapping[str, Caller]] = {
    caller.dialect: caller
    for caller in (
        Caller(
            dialect="openai-chat",
            credential=bearer(),
            mounts=("/v1", "/api/v1"),
            chat="/chat/completions",
            stream="/chat/completions",
            body={"messages": [{"role": "user", "content": "hi"}]},
        ),
        Caller(
            dialect="openai-responses",
            credential=bearer(),
            mounts=("/v1", "/api/v1"),
            chat="/responses",
            stream="/responses",
            body={"input": "hi"},
        ),
        Caller(
            dialect="anthropic",
            credential=(("x-api-key", FIRST_KEY), ("anthropic-version", "2023-06-01")),
            mounts=("/v1", "/api/v1"),
            chat="/messages",
            stream="/messages",
            body={"max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]},
        ),
        Caller(
            dialect="gemini",
            credential=(("x-goog-api-key", FIRST_KEY),),
            mounts=("/v1beta", "/api/v1beta", "/v1beta/v1beta", "/api/v1beta/v1beta", "/v1", "/api/v1"),
            chat="/models/{model}:generateContent",
            stream="/models/{model}:streamGenerateContent?alt=sse",
            body={"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        ),
    )
}


def error_code(told: Mapping[str, object]) -> object:
    """ToRouter's own code in an error body of any dialect: `error.type`."""
    error = told["error"]
    assert isinstance(error, dict)
    return error["type"]
