"""What the office asks of channels: may one be so, of which kinds are there, and which does the server's own
configuration declare?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from torouter.accounts.office.channel_views import ChannelView, CredentialView, KindView, spec_fields
from torouter.accounts.office.desk import Keys
from torouter.accounts.sealing import tail_of
from torouter.channels import KINDS, Credential
from torouter.config import ChannelSettings, channel_settings_from
from torouter.errors import ConfigError, RequestError
from torouter.fleet.stored import SOURCE

__all__ = ["Rules"]

_FIELD: Final = re.compile(r"([a-z_]+(?:[.\[][^:]*)?): ")
"""What a fault of a channel begins with: the path of the field."""


class Rules:
    """`declared` is asked at each call: the configuration may be read again while the server runs."""

    def __init__(self, declared: Callable[[], Sequence[ChannelSettings]] = tuple) -> None:
        self._declared = declared

    def check(self, name: str, kind: str, spec: Mapping[str, Any], credentials: Keys, /) -> None:
        """Really opens it, and throws it away."""
        try:
            opened = [Credential(label, key) for label, key in credentials]
            channel_settings_from(spec, opened, name, kind, SOURCE)
        except ConfigError as error:
            found = _FIELD.match(error.message)
            raise RequestError(error.message, param=error.param or (found[1] if found else None)) from error

    def declared(self) -> Sequence[ChannelView]:
        return [_view(settings) for settings in self._declared()]

    def kinds(self) -> Sequence[KindView]:
        return [
            KindView(name=kind.name, base_url=kind.base_url, dialects=list(kind.dialects)) for kind in KINDS.values()
        ]


def _view(settings: ChannelSettings) -> ChannelView:
    said = {
        "base_url": settings.base_url,
        "dialects": list(settings.dialects) or None,
        "models": _models(settings),
        "priority": settings.priority,
        "weight": settings.weight,
        "groups": list(settings.groups),
        "deadlines": msgspec.to_builtins(settings.deadlines),
        "concurrency": settings.concurrency,
        "queue_s": settings.queue_s,
        "on_cut": settings.on_cut,
        "hedge": settings.hedge,
        "probe_s": settings.probe_s,
    }
    return ChannelView(
        id=None,
        name=settings.name,
        kind=settings.kind,
        is_enabled=True,
        managed_by=settings.source,
        credentials=[_credential_view(each) for each in settings.credentials],
        created_at=None,
        deleted_at=None,
        **spec_fields(said),
    )


def _models(settings: ChannelSettings) -> dict[str, object] | None:
    if settings.models is None:
        return None
    deadlines = {name: msgspec.to_builtins(said) for name, said in settings.model_deadlines.items()}
    return {
        client: {"model": theirs, "deadlines": deadlines[theirs]} if theirs in deadlines else theirs
        for client, theirs in settings.models.items()
    }


def _credential_view(credential: Credential) -> CredentialView:
    tail = "" if credential.secret is None else tail_of(credential.secret)
    return CredentialView(id=None, name=credential.label, shown=f"…{tail}", set_at=None)
