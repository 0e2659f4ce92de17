"""Thinking of other providers, taken out of a Messages body: the whole block, and a message that held nothing else."""

from __future__ import annotations

from torouter.canon.losses import Loss
from torouter.codecs.figures import decoded
from torouter.codecs.splice import values_of
from torouter.codecs.withdrawal import Withdrawal, holds_capsule

__all__ = ["without_capsules"]


def without_capsules(body: bytes) -> tuple[bytes, tuple[Loss, ...]]:
    withdrawal = Withdrawal("anthropic")

    def block(path: str, text: bytes) -> bytes | None:
        values = values_of(text)
        name = {"thinking": "signature", "redacted_thinking": "data"}.get(str(decoded(values.get("type", b"null"))))
        if name is None or not holds_capsule(values, name):
            return text
        withdrawal.report(path)
        return None

    def message(path: str, text: bytes) -> bytes | None:
        left = withdrawal.within(text, path, "content", block)
        return None if left != text and "content" not in values_of(left) else left

    return withdrawal.within(body, "", "messages", message), withdrawal.losses
