"""Where one lands: what is left, what was spent, and on what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.responses import Response

from torouter.accounts.office.forms import UsageQuery
from torouter.console.portal.catalogue import names_for
from torouter.console.portal.chart import chart
from torouter.console.portal.snippets import snippets
from torouter.console.portal.visit import Visit

__all__ = ["dashboard"]

_SPANS: Final = (7, 30)
_MOST_MODELS: Final = 5
_RECENT: Final = 8
_SPEND_HEIGHT: Final = 220
_REQUESTS_HEIGHT: Final = 110


def dashboard(visit: Visit) -> Response:
    own = visit.own
    days = 30 if visit.query.get("days") == "30" else 7
    now = datetime.fromtimestamp(visit.desk.now_ms() / 1000, UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    asked = UsageQuery(since=today - timedelta(days=days - 1))
    points = own.usage_over_time(asked, "day")
    recent, _ = own.list_usage(UsageQuery(), before=None, limit=_RECENT)
    models = names_for(visit.sources.snapshot(), own.groups())
    return visit.page(
        "dashboard.html",
        account=own.account(),
        days=days,
        spans=_SPANS,
        totals=own.usage_totals(asked),
        spend=chart(points, days, today, is_money=True, height=_SPEND_HEIGHT),
        requests=chart(points, days, today, is_money=False, height=_REQUESTS_HEIGHT),
        models=own.usage_by_model(asked)[:_MOST_MODELS],
        recent=recent,
        keys={key.id: key.name for key in own.list_keys(include_deleted=True)},
        has_keys=bool(own.list_keys()),
        example=snippets(visit.base, "$TOROUTER_KEY", models)[0],
    )
