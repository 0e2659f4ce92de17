"""What an operator asks of one channel, by a small real request, and what is found out: for people and programs."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from torouter.units import Dialect

__all__ = ["Finding", "Tryout", "TryoutOperation", "Wanted"]

TryoutOperation = Literal["chat", "embeddings"]

Finding = Literal[
    "ok",
    "ok_silent",
    # Nobody could be asked
    "not_opened",
    "no_model",
    "model_not_served",
    "no_such_credential",
    "not_offered",
    "not_sendable",
    "too_many",
    # No answer
    "name_unknown",
    "refused",
    "unreachable",
    "connect_timeout",
    "tls",
    "reset",
    "no_answer",
    "too_slow",
    # An answer that says no
    "bad_credential",
    "no_credit",
    "forbidden",
    "rate_limited",
    "overloaded",
    "model_not_found",
    "not_found",
    "too_large",
    "bad_request",
    "content_policy",
    "redirect",
    "server_error",
    # An answer that is none
    "malformed",
    "empty",
    "cut",
    "error_in_answer",
    "fault",
]
"""The word by which pages and programs explain how it went. `ok_silent`: answered in good order, and with nothing that
can be read, as models do that spend so few tokens on thinking."""


_ON_RECORD: Final = (
    *("channel", "credential", "model", "upstream_model", "dialect", "finding", "status"),
    *("input_tokens", "output_tokens"),
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of the store by its id, or one of the server's own configuration by its name. What is left empty is
    chosen: the first credential, a model that the channel is known to have, the channel's own dialect."""

    channel_id: int = 0
    name: str = ""
    credential: str = ""
    model: str = ""
    dialect: Dialect | None = None
    operation: TryoutOperation = "chat"


class Tryout(msgspec.Struct, frozen=True, kw_only=True):
    """`dialect` is the one that was spoken to the gateway, `upstream_dialect` the one to the upstream. `url` and
    `message` hold no secrets; `message` is what the upstream or its socket said. `verdict` is the word of the table
    that decides on failover; `status` the upstream's, 0 where no answer came. Tokens are as the upstream told them."""

    finding: Finding
    channel: str
    credential: str = ""
    model: str = ""
    upstream_model: str = ""
    dialect: str = ""
    upstream_dialect: str = ""
    operation: str = ""
    url: str = ""
    status: int = 0
    verdict: str = ""
    message: str = ""
    text: str = ""
    first_token_ms: int | None = None
    took_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    losses: list[str] = []

    @property
    def on_record(self) -> dict[str, Any]:
        """What is written down of it: never what was said."""
        return {name: getattr(self, name) for name in _ON_RECORD}

    @property
    def is_good(self) -> bool:
        return self.finding in ("ok", "ok_silent")
