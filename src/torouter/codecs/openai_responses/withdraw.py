"""Reasoning items of other providers, taken out of a Responses body."""

from __future__ import annotations

from torouter.canon.losses import Loss
from torouter.codecs.splice import values_of
from torouter.codecs.withdrawal import Withdrawal, holds_capsule

__all__ = ["without_capsules"]


def without_capsules(body: bytes) -> tuple[bytes, tuple[Loss, ...]]:
    withdrawal = Withdrawal("openai-responses")

    def item(path: str, text: bytes) -> bytes | None:
        if not holds_capsule(values_of(text), "encrypted_content"):
            return text
        withdrawal.report(path)
        return None

    return withdrawal.within(body, "", "input", item), withdrawal.losses
