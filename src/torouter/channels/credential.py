"""What a channel shows of itself to its upstream. A channel may have several: one that is bad is not a bad channel."""

from __future__ import annotations

import msgspec

from torouter.units import Secret

__all__ = ["NO_CREDENTIAL", "Credential"]


class Credential(msgspec.Struct, frozen=True):
    """`label` is for people and for what is written down: unique within its channel, and never a secret. Empty where a
    channel has but one and nobody named it."""

    label: str = ""
    secret: Secret | None = None


NO_CREDENTIAL = Credential()
"""Of servers that ask for none."""
