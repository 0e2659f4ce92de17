"""Where one lands: what is left, what was spent, and on what."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from torouter.accounts.office.forms import UsageQuery
from torouter.console.portal.catalogue import names_for
from torouter.console.portal.chart import REQUESTS_HEIGHT, SPEND_HEIGHT, chart, slots
from torouter.console.portal.providers import providers
from torouter.console.portal.snippets import snippets
from torouter.console.portal.visit import Visit
from torouter.units import moment

__all__ = ["dashboard"]

_SPANS: Final = (7, 30)
_MOST_MODELS: Final = 5
_RECENT: Final = 8


def dashboard(visit: Visit) -> Response:
    own = visit.own
    days = 30 if visit.query.get("days") == "30" else 7
    now = moment(visit.desk.now_ms())
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    asked = UsageQuery(since=today - timedelta(days=days - 1))
    shown = slots(own.usage_over_time(asked, "day"), today - timedelta(days=days - 1), today + timedelta(days=1), "day")
    recent, _ = own.list_usage(UsageQuery(), before=None, limit=_RECENT)
    totals, models = own.usage_summary(asked)
    keys, groups = own.list_keys(include_deleted=True), own.groups()
    return visit.page(
        "dashboard.html",
        account=own.account(),
        days=days,
        spans=_SPANS,
        totals=totals,
        slots=shown,
        spend=chart(shown, is_money=True, height=SPEND_HEIGHT),
        requests=chart(shown, is_money=False, height=REQUESTS_HEIGHT),
        models=models[:_MOST_MODELS],
        providers=providers(visit.sources, groups),
        recent=recent,
        keys={key.id: key.name for key in keys},
        has_keys=any(key.deleted_at is None for key in keys),
        example=snippets(visit.base, "$TOROUTER_KEY", names_for(visit.sources.snapshot(), groups))[0],
    )
