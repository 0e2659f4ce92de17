"""Channels: the list, and the forms that make, change, enable and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from torouter.accounts.office import channels
from torouter.accounts.office.channel_forms import ChannelEdit, NewChannel
from torouter.accounts.office.channel_views import ChannelView
from torouter.accounts.office.groups import list_groups
from torouter.accounts.office.refused import filled
from torouter.console.portal.channel_form import (
    BLANK,
    DEADLINES,
    RARE,
    channel_problem,
    named_fields,
    shown_fields,
    typed_fields,
)
from torouter.console.portal.channel_health import Fares
from torouter.console.portal.channel_place import LIST, Place, declared_place, fares_of, stored_place
from torouter.console.portal.key_form import Problem
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError
from torouter.units import DIALECTS

__all__ = ["create_channel", "delete_channel", "edit_channel", "list_channels", "set_status", "show_declared"]

_MOST_NAMES = 200
"""Of models, in a list to choose from."""
_PRIORITY = 10
"""Of channels that say nothing."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Of the list. `models` is `None` where it serves whatever its upstream has, and nobody knows what that is."""

    channel: ChannelView
    page: str
    fares: Fares
    models: int | None


def list_channels(visit: Visit) -> Response:
    """Those that are asked first stand first."""
    health = visit.sources.routing.health()
    lines = []
    for channel in channels.list_channels(visit.desk):
        page = f"{LIST}/{channel.id}" if channel.id else f"{LIST}/declared?name={quote(channel.name, safe='')}"
        lines.append(_Line(channel, page, fares_of(visit, channel, health), len(_known(visit, channel)) or None))
    lines.sort(key=lambda line: _PRIORITY if line.channel.priority is None else line.channel.priority)
    return visit.page("operator/channels.html", lines=lines, health=health)


def create_channel(visit: Visit) -> Response:
    if not visit.is_post:
        return _new(visit, BLANK)
    typed = typed_fields(visit.form)
    try:
        form = filled(NewChannel, _new_fields(visit.form, typed))
        made = visit.do_once(ChannelView, lambda: channels.create_channel(visit.desk, form))
    except RequestError as error:
        return _new(visit, typed, channel_problem(error), error.status)
    except StoreError as error:
        if error.kind != "conflict":
            raise
        return _new(visit, typed, Problem("name", 0, error.message), error.status)
    return _told(visit, f"{LIST}/{made.id}", "channel_made")


def edit_channel(visit: Visit) -> Response:
    """And all that is known of it."""
    place = stored_place(visit)
    shown = shown_fields(place.channel)
    if not visit.is_post:
        return _page(visit, place, shown)
    typed = typed_fields(visit.form)
    try:
        edit = filled(ChannelEdit, named_fields(typed, shown))
        channels.edit_channel(visit.desk, place.channel.id or 0, edit)
    except RequestError as error:
        return _page(visit, place, typed, channel_problem(error), error.status)
    except StoreError as error:
        if error.kind != "conflict" or not place.is_free:
            raise
        return _page(visit, place, typed, Problem("name", 0, error.message), error.status)
    return _told(visit, place.page, "saved")


def show_declared(visit: Visit) -> Response:
    place = declared_place(visit)
    return _page(visit, place, shown_fields(place.channel))


def set_status(visit: Visit) -> Response:
    place = stored_place(visit)
    is_enabled = {"enabled": True, "disabled": False}.get(visit.form.get("status", ""))
    if is_enabled is None:
        raise RequestError("status: expected enabled or disabled.", param="status")
    channels.edit_channel(visit.desk, place.channel.id or 0, ChannelEdit(is_enabled=is_enabled))
    return _told(visit, place.page, "channel_enabled" if is_enabled else "channel_disabled")


def delete_channel(visit: Visit) -> Response:
    place = stored_place(visit)
    if not visit.is_post:
        return visit.page("operator/channel_delete.html", channel=place.channel, place=place)
    channels.delete_channel(visit.desk, place.channel.id or 0)
    return _told(visit, LIST, "channel_deleted")


def _new_fields(form: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, Any]:
    """The key is named alone where nobody gave it a label."""
    said = named_fields(typed) | {"is_enabled": form.get("is_enabled", "") == "yes"}
    key, label = form.get("api_key", "").strip(), form.get("credential_name", "").strip()
    if not key:
        return said
    return said | ({"credentials": [{"name": label, "api_key": key}]} if label else {"api_key": key})


def _new(visit: Visit, values: Mapping[str, str], problem: Problem | None = None, status: int = 200) -> Response:
    form = visit.form
    return visit.page(
        "operator/channel_new.html",
        status,
        credential_name=form.get("credential_name", ""),
        is_enabled=form.get("is_enabled", "") == "yes" if visit.is_post else True,
        **_form_values(visit, values, problem),
    )


def _page(
    visit: Visit, place: Place, values: Mapping[str, str], problem: Problem | None = None, status: int = 200
) -> Response:
    channel = place.channel
    return visit.page(
        "operator/channel.html",
        status,
        place=place,
        channel=channel,
        fares=fares_of(visit, channel, visit.sources.routing.health()),
        answered_by=visit.sources.routing.place,
        known_models=_known(visit, channel)[:_MOST_NAMES],
        **_form_values(visit, values, problem),
    )


def _form_values(visit: Visit, values: Mapping[str, str], problem: Problem | None) -> dict[str, Any]:
    is_rare = problem is not None and problem.field in RARE
    return {
        "values": values,
        "problem": problem,
        "kinds": visit.desk.rules.kinds(),
        "dialects": DIALECTS,
        "deadlines": DEADLINES,
        "groups": [group.name for group in list_groups(visit.desk)],
        "is_open": is_rare or any(values[name] for name in RARE),
    }


def _known(visit: Visit, channel: ChannelView) -> list[str]:
    """The names that it declares, or that its upstream has said it has."""
    if channel.models is not None:
        return list(channel.models)
    snapshot = visit.sources.snapshot()
    found = next((each for each in snapshot.channels if each.name == channel.name), None)
    return [] if found is None else list(snapshot.names_of(found))


def _told(visit: Visit, path: str, what: str) -> Response:
    return visit.go(path, told="waiting" if visit.settle() else what)
