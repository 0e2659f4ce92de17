"""A channel of the store, read like one of a file."""

from __future__ import annotations

from typing import Final

from torouter.accounts.sealing import Seal
from torouter.channels import Credential
from torouter.config import ChannelSettings, channel_settings_from
from torouter.store import ChannelRow

__all__ = ["SOURCE", "settings_of"]

SOURCE: Final = "the store"


def settings_of(row: ChannelRow, seal: Seal) -> ChannelSettings:
    """Raises `StoreError` where its keys were sealed with another pepper, and `ConfigError` where this version does not
    know it: its kind, say, after a downgrade."""
    credentials = [Credential(each.label, seal.open(row.id, each.sealed)) for each in row.credentials]
    return channel_settings_from(row.spec, credentials, row.name, row.kind, SOURCE)
