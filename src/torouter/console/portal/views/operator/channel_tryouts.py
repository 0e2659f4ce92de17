"""A small, real request to one channel, with what came of it explained; and a fresh start for one that is mended."""

from __future__ import annotations

from msgspec import UNSET
from starlette.responses import Response

from torouter.accounts.office.refused import filled
from torouter.accounts.office.routing import TryoutForm, record_reset
from torouter.console.admin.routing_view import tryout
from torouter.console.portal.channel_place import Place, declared_place, stored_place
from torouter.console.portal.visit import Visit
from torouter.routing.tryouts import Tryout, Wanted
from torouter.units import DIALECTS

__all__ = ["reset_channel", "reset_declared", "test_channel", "test_declared"]

_ASKED = ("credential", "model", "dialect", "operation")


def test_channel(visit: Visit) -> Response:
    return _test(visit, stored_place(visit))


def test_declared(visit: Visit) -> Response:
    return _test(visit, declared_place(visit))


def reset_channel(visit: Visit) -> Response:
    return _reset(visit, stored_place(visit))


def reset_declared(visit: Visit) -> Response:
    return _reset(visit, declared_place(visit))


def _test(visit: Visit, place: Place) -> Response:
    """Once for each press of the button: a page that is loaded again shows what was found."""
    asked = {name: text for name in _ASKED if (text := visit.form.get(name, "").strip())}
    form = filled(TryoutForm, asked)
    wanted = Wanted(
        channel_id=place.channel.id or 0,
        name=place.channel.name,
        credential=asked.get("credential", ""),
        model=asked.get("model", ""),
        dialect=None if form.dialect is UNSET else form.dialect,
        operation=form.operation,
    )
    once = visit.form.get("once", "")
    name = (visit.signed.account.id, visit.path, place.channel.name, once)
    found = visit.tryouts.of(name, lambda: _try(visit, wanted)) if once else _try(visit, wanted)
    return visit.page(
        "operator/channel_test.html",
        place=place,
        channel=place.channel,
        found=found,
        known_models=(),
        dialects=DIALECTS,
        asked={name: asked.get(name, "") for name in _ASKED},
    )


def _try(visit: Visit, wanted: Wanted) -> Tryout:
    return tryout(visit.desk, visit.sources.routing, wanted)


def _reset(visit: Visit, place: Place) -> Response:
    visit.sources.routing.reset(place.channel.name)
    record_reset(visit.desk, place.channel.name)
    mark = "&" if "?" in place.page else "?"
    return visit.go(f"{place.page}{mark}told=channel_reset")
