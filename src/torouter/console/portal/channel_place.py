"""Which channel a page is about: one of the store, by its number, or one of the server's own configuration, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from torouter.accounts.office import channels
from torouter.accounts.office.channel_views import ChannelView
from torouter.console.admin.routing_view import HealthView
from torouter.console.portal.channel_health import Fares, fares
from torouter.console.portal.visit import Visit
from torouter.errors import StoreError

__all__ = ["LIST", "Place", "declared_place", "fares_of", "number", "stored_place"]

LIST: Final = "/admin/channels"


@dataclass(frozen=True, slots=True)
class Place:
    """`path` is what its forms are sent below; `page` is where it is looked at."""

    channel: ChannelView
    path: str
    page: str

    @property
    def is_free(self) -> bool:
        """May it be changed here?"""
        return not self.channel.managed_by


def stored_place(visit: Visit) -> Place:
    """Raises `StoreError` (`not_found`)."""
    channel = channels.get_channel(visit.desk, number(visit.target))
    path = f"{LIST}/{channel.id}"
    return Place(channel, path, path)


def declared_place(visit: Visit) -> Place:
    """Raises `StoreError` (`not_found`)."""
    name = (visit.form if visit.is_post else visit.query).get("name", "")
    channel = channels.declared_channel(visit.desk, name)
    return Place(channel, f"{LIST}/declared", f"{LIST}/declared?name={quote(name, safe='')}")


def number(text: str) -> int:
    """Raises `StoreError` (`not_found`) for what no number of ours is."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise StoreError("There is no such thing.", kind="not_found")
    return int(text)


def fares_of(visit: Visit, channel: ChannelView, health: HealthView) -> Fares:
    """One of the store is not served where the configuration has one of the same name: what is known is of that."""
    is_hidden = channel.id is not None and any(each.name == channel.name for each in visit.desk.rules.declared())
    found = next((each for each in health.channels if each.channel == channel.name and not is_hidden), None)
    return fares(found, is_enabled=channel.is_enabled)
