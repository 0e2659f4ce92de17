"""State of other providers, taken out of a Chat body: entries of a message's list, and the field beside a call."""

from __future__ import annotations

from torouter.canon.losses import Loss
from torouter.codecs.splice import edit, values_of
from torouter.codecs.withdrawal import Withdrawal, holds_capsule

__all__ = ["without_capsules"]


def without_capsules(body: bytes) -> tuple[bytes, tuple[Loss, ...]]:
    withdrawal = Withdrawal("openai-chat")

    def entry(path: str, text: bytes) -> bytes | None:
        if not holds_capsule(values_of(text), "data", "signature"):
            return text
        withdrawal.report(path)
        return None

    def call(path: str, text: bytes) -> bytes:
        beside = values_of(text).get("extra_content", b"")
        google = values_of(beside).get("google", b"") if beside.startswith(b"{") else b""
        if not google.startswith(b"{") or not holds_capsule(values_of(google), "thought_signature"):
            return text
        withdrawal.report(f"{path}.extra_content")
        bare = edit(google, {"thought_signature": None})
        left = edit(beside, {"google": bare if values_of(bare) else None})
        return edit(text, {"extra_content": left if values_of(left) else None})

    def message(path: str, text: bytes) -> bytes:
        text = withdrawal.within(text, path, "reasoning_details", entry)
        return withdrawal.within(text, path, "tool_calls", call)

    return withdrawal.within(body, "", "messages", message), withdrawal.losses
