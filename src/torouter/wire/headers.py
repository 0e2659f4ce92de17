"""Which header fields pass the gateway, and why. Everything not named here stops: deny by default.

Hop-by-hop fields, cookies, the client's credentials in any form, `host`, forwarding and tracing fields never pass:
they are not in these tables, and nothing else lets a field through.
"""

from __future__ import annotations

from typing import Final

from torouter.wire.upstream import Headers

__all__ = ["TO_CLIENT", "TO_UPSTREAM", "client_block", "upstream_block"]

TO_UPSTREAM: Final[dict[bytes, str]] = {
    b"accept": "some servers choose between JSON and SSE by it",
    b"user-agent": "providers ask for it when a client misbehaves; Claude Code's and Codex's open features",
    b"anthropic-version": "the meaning of an Anthropic request depends on it (2023-06-01, 2026-10-21)",
    b"anthropic-beta": "opens the features that the body uses",
    b"anthropic-dangerous-direct-browser-access": "asked of browser clients by Anthropic",
    b"openai-beta": "opens the features that the body uses (assistants, realtime)",
    b"originator": "Codex: which front end asks; OpenAI's caches and limits look at it",
    b"session_id": "Codex: keeps one conversation on one cache",
    b"conversation_id": "Codex: as session_id, in older versions",
    b"x-goog-api-client": "google-genai: the client's version; Google answers by it in places",
    b"x-session-affinity": "Fireworks, opencode: keeps one conversation on one cache",
    b"x-client-request-id": "OpenAI: the client's own id, for its support tickets",
    b"idempotency-key": "makes a client's retry safe",
    b"http-referer": "OpenRouter: which application asks, chosen by its author",
    b"x-title": "OpenRouter: the application's name, chosen by its author",
}
"""Request fields that go upstream, with the reason. `content-type` goes with the body, the key is the channel's."""

TO_CLIENT: Final[dict[bytes, str]] = {
    b"content-type": "what the body is",
    b"content-encoding": "an upstream that compresses although asked not to: its bytes pass, so must this",
    b"content-disposition": "file names of audio and images",
    b"cache-control": "`no-cache` of event streams keeps proxies from buffering",
    b"retry-after": "when to try again",
    b"retry-after-ms": "the same, finer: OpenAI's SDKs look at it first",
    b"x-should-retry": "OpenAI's and Anthropic's SDKs obey it",
    b"openai-processing-ms": "the upstream's own time",
    b"openai-version": "the API version that answered",
    b"openai-model": "the model version that answered",
    b"x-accel-buffering": "keeps nginx in front of us from buffering an event stream",
    b"x-gemini-service-tier": "the tier that was really used, which has its own price",
}
"""Response fields that go to the client, with the reason. Rate-limit figures stop: they are a shared account's."""


def upstream_block(headers: Headers) -> bytes:
    """The client's fields that go upstream, as `name: value` lines, each with its CRLF."""
    return b"".join([b"%b: %b\r\n" % field for field in headers if field[0] in TO_UPSTREAM])


def client_block(headers: Headers) -> bytes:
    """The upstream's fields that go to the client, as `name: value` lines, each with its CRLF."""
    return b"".join([b"%b: %b\r\n" % field for field in headers if field[0] in TO_CLIENT])
