"""What is shown of channels: of their keys a name and the last characters, and never more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from torouter.accounts.office.views import View
from torouter.store import ChannelRow, OnCut, SealedCredential
from torouter.units import Dialect, moment

__all__ = ["ChannelView", "CredentialView", "KindView", "ModelView", "channel_view", "credential_view", "spec_fields"]


class KindView(View, frozen=True, kw_only=True):
    """A sort of provider. `base_url` `null`: a channel of it has to name one."""

    name: str
    base_url: str | None
    dialects: list[Dialect]


class CredentialView(View, frozen=True, kw_only=True):
    id: int | None
    name: str
    shown: str
    """The key's last characters."""
    set_at: datetime | None


class ModelView(View, frozen=True, kw_only=True):
    model: str
    """The upstream's name."""
    deadlines: dict[str, float]


class ChannelView(View, frozen=True, kw_only=True):
    """`null` in a setting: it is not said, so the kind's or the server's holds. `managed_by`: empty, or where it is
    declared, and then it is changed only there. Without an `id`: it is of the server's own configuration file."""

    id: int | None
    name: str
    kind: str
    is_enabled: bool
    managed_by: str
    credentials: list[CredentialView]
    base_url: str | None
    dialects: list[Dialect] | None
    models: dict[str, str | ModelView] | None
    priority: int | None
    weight: int | None
    groups: list[str] | None
    deadlines: dict[str, float] | None
    concurrency: int | None
    queue_s: float | None
    on_cut: OnCut | None
    hedge: bool | None
    probe_s: float | None
    created_at: datetime | None
    deleted_at: datetime | None


def credential_view(row: SealedCredential) -> CredentialView:
    return CredentialView(id=row.id, name=row.label, shown=f"…{row.tail}", set_at=moment(row.set_ms))


def channel_view(row: ChannelRow) -> ChannelView:
    return ChannelView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        is_enabled=row.is_enabled,
        managed_by=row.managed_by,
        credentials=[credential_view(each) for each in row.credentials],
        created_at=moment(row.created_ms),
        deleted_at=None if row.deleted_ms is None else moment(row.deleted_ms),
        **spec_fields(row.spec),
    )


def spec_fields(spec: dict[str, Any]) -> dict[str, Any]:
    """The settings of a view, from those of a row; what is not said is `None`."""
    fields = {name: spec.get(name) for name in _SETTINGS}
    if fields["models"] is not None:
        fields["models"] = {name: _model_view(said) for name, said in fields["models"].items()}
    return fields


def _model_view(said: str | dict[str, Any]) -> str | ModelView:
    return said if isinstance(said, str) else ModelView(model=said["model"], deadlines=said["deadlines"])


_NOT_SAID = ("id", "name", "kind", "is_enabled", "managed_by", "credentials", "created_at", "deleted_at")
_SETTINGS = tuple(name for name in ChannelView.__struct_fields__ if name not in _NOT_SAID)
