"""A kind of upstream, as data: where it lives, how it is asked, what it speaks, which names it answers to.

A provider that speaks a known dialect is one row in `rows.py` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from torouter.units import DIALECTS, OPERATIONS, Dialect, Operation

__all__ = ["NATURAL_AUTH", "Auth", "Kind"]

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"]
"""In which header a channel's key travels."""

NATURAL_AUTH: Final[Mapping[Dialect, Auth]] = {
    "openai-chat": "bearer",
    "openai-responses": "bearer",
    "anthropic": "x-api-key",
    "gemini": "x-goog-api-key",
}
"""What each dialect's own vendor takes."""

_OUR_SUFFIX: Final = re.compile(
    r"(?:.*/)?(?:claude|gpt|chatgpt|o\d|gemini|deepseek|grok)\b.*"
    r"-(?:nothinking|thinking(?:-(?:\d{1,7}|low|medium|high|xhigh|max))?)"
)
"""Names whose `-thinking` is the gateway's and not the vendor's. Other families have models that are really called so
(kimi-k2-thinking, qwen3-235b-a22b-thinking-2507; seen 2026-11)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """`dialects` are those that the upstream itself speaks, best first. `operations` is what the vendor offers at all;
    of these each dialect offers what it has words for. `vendor` is the prefix of OpenRouter-style names (`openai/…`)
    that means this vendor and is taken off. Compared by identity: the registry holds one of each."""

    name: str
    dialects: tuple[Dialect, ...]
    base_url: str | None = None
    """The OpenAI-style base (`…/v1`); `None` where the operator has to name one."""
    base_urls: Mapping[Dialect, str] = field(default_factory=dict)
    """Where a dialect has a base of its own."""
    auth: Mapping[Dialect, Auth] = field(default_factory=dict)
    """Where a dialect differs from `NATURAL_AUTH`."""
    operations: frozenset[Operation] = frozenset(OPERATIONS)
    counters: frozenset[Dialect] = frozenset(DIALECTS)
    """In which of its dialects it counts tokens, where `operations` has that. One that turns out to have no counter is
    no fault: the count is estimated."""
    env_key: str | None = None
    """The environment variable that vendors' SDKs and people use for the key."""
    vendor: str | None = None
    patterns: tuple[str, ...] = ()
    """Names served when nothing is declared: prefixes, first match decides. `!prefix` refuses; `*` is any name, `*/*`
    any name with a vendor. A prefix without a slash matches only names without one."""
    models: tuple[str, ...] = ()
    """Names that this kind is known to serve, all of them; they win over `patterns`."""
    takes_json_schema: bool = True
    """Of Gemini's dialect: does it know `parametersJsonSchema`? Every server knows `parameters`."""
    takes_links: bool = True
    """Does it follow links to images and documents, as far as its dialect has them?"""
    is_free: bool = False
    """Nobody is paid: it runs on the operator's own machines."""
    priced_as: str | None = None
    """Whose prices its models have in the catalogue (genai-prices' id of a provider); `*` is the vendor that a model's
    name tells, `None` nobody's."""
    media_limit_bytes: int | None = None
    """Of all media of a request together, in base64; `None` where the server's limit is not known."""
    state_family: str | None = None
    """Kinds of one family take each other's opaque reasoning state; without one it is valid at its channel only."""
    has_list: bool = True
    """Does its list of models say what may be asked for, so that a channel without declared models can be asked?"""
    may_ask_usage: bool = True
    """Does it take `stream_options.include_usage`? Those that do not report usage of their own accord."""

    def auth_of(self, dialect: Dialect) -> Auth:
        return self.auth.get(dialect, NATURAL_AUTH[dialect])

    def base_url_of(self, dialect: Dialect) -> str | None:
        return self.base_urls.get(dialect, self.base_url)

    def bare(self, name: str) -> str:
        """The name without this vendor's own prefix."""
        return name.removeprefix(f"{self.vendor}/") if self.vendor else name

    def has_name(self, name: str) -> bool:
        """May this kind serve a model of this (bare) name? A guess from its look, for channels that declare none."""
        if _OUR_SUFFIX.fullmatch(name):
            return False
        for pattern in self.patterns:
            if pattern == "*" or (pattern == "*/*" and "/" in name.strip("/")):
                return True
            prefix = pattern.removeprefix("!")
            if name.startswith(prefix) and ("/" in prefix) >= ("/" in name):
                return prefix == pattern
        return False
