"""Kinds of upstream and channels to them: base URLs, keys, dialects, names and quirks, mostly as rows of data.

- A provider that speaks a known dialect is one row in `rows.py`.
- A channel is frozen; its targets are made once, so a request costs one formatting of bytes.
- Facts about models are dated rows in `facts.py`; nothing else looks at a model's name to learn what it can do.
- The demo channel is an upstream like any other, with a function where others have a socket.
"""

from torouter.channels.channel import Channel
from torouter.channels.credential import NO_CREDENTIAL, Credential
from torouter.channels.discovery import read_models
from torouter.channels.facts import facts_of
from torouter.channels.kind import Auth, Kind
from torouter.channels.policy import OnCut, Policy
from torouter.channels.rows import KINDS
from torouter.channels.target import Target

__all__ = [
    "KINDS",
    "NO_CREDENTIAL",
    "Auth",
    "Channel",
    "Credential",
    "Kind",
    "OnCut",
    "Policy",
    "Target",
    "facts_of",
    "read_models",
]
