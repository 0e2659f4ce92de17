"""Where opaque state is valid that an upstream issued: wider than one model, narrower than its dialect.

Claude's signatures hold on every platform that serves Claude. What Gemini signs belongs to a platform and a project,
what OpenAI encrypts to an organisation: both stand behind a credential at an address (pitfalls 95, 109, 114).
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from torouter.channels.kind import Kind
from torouter.units import Dialect, Secret

__all__ = ["scope_of"]

_FAMILY: Final = re.compile(r"[a-z]*")
_BYTES: Final = 16


def scope_of(kind: Kind, dialect: Dialect, base_url: str | None, api_key: Secret | None, model: str) -> bytes:
    """16 bytes that differ where the state of one would mean nothing to the other. Models of another family (`gpt`,
    `claude`: what a name begins with) never share any."""
    family = _FAMILY.match(model.rpartition("/")[2].lower())
    place = [kind.name, base_url or "", "" if api_key is None else api_key.reveal()]
    parts = [dialect, "" if family is None else family[0], *([kind.state_family] if kind.state_family else place)]
    digest = blake2b(digest_size=_BYTES)
    for part in parts:
        digest.update(b"%d:%b" % (len(part), part.encode()))
    return digest.digest()
