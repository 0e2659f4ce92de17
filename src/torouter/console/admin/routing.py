"""Endpoints of routing as one process sees it: why a request would go where, how channels fare, a fresh start for one
of them, and a request to see whether one works."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, UnsetType

from torouter.accounts.office.routing import ExplainForm, ResetForm, TryoutForm, record_reset, whose
from torouter.console.admin.call import Call, Endpoint
from torouter.console.admin.routing_view import ExplanationView, HealthView, RoutingView, explanation_view, tryout
from torouter.errors import TorouterError
from torouter.routing.tryouts import Tryout, Wanted

__all__ = ["ROUTING"]


def _explain(call: Call) -> ExplanationView:
    form: ExplainForm = call.body
    group_id, models = whose(call.desk, form)
    routing = _routing(call)
    return explanation_view(routing.explain(group_id, models, form.dialect, form.operation, form.model), routing.place)


def _reset(call: Call) -> HealthView:
    form: ResetForm = call.body
    view = _routing(call).reset(form.channel)
    record_reset(call.desk, form.channel)
    return view


def _test(call: Call) -> Tryout:
    form: TryoutForm = call.body
    wanted = Wanted(
        channel_id=call.target,
        credential=_said(form.credential),
        model=_said(form.model),
        dialect=None if form.dialect is UNSET else form.dialect,
        operation=form.operation,
    )
    return tryout(call.desk, _routing(call), wanted)


def _said(text: str | UnsetType) -> str:
    return "" if text is UNSET else text.strip()


def _routing(call: Call) -> RoutingView:
    if call.routing is None:
        raise TorouterError("The gateway is starting.", kind="overloaded", retry_after_s=1)
    return call.routing


ROUTING: Final = (
    Endpoint(
        method="POST", path="/explain", name="explain",
        summary="Who would be asked for a model, in which order, and why others would not. Nobody is asked.",
        shape="one", data=ExplanationView, body=ExplainForm, handle=_explain,
    ),
    Endpoint(
        method="GET", path="/health", name="get_health",
        summary="How each channel fares, as the process sees it that answers.", shape="one", data=HealthView,
        handle=lambda call: _routing(call).health(),
    ),
    Endpoint(
        method="POST", path="/health/reset", name="reset_health",
        summary="End every cool-down of a channel, in all processes: it is asked again at once.", shape="one",
        data=HealthView, body=ResetForm, handle=_reset,
    ),
    Endpoint(
        method="POST", path="/channels/{channel_id}/test", name="test_channel",
        summary="Really ask a channel something small, enabled or not, and say how it went. Billed to nobody.",
        shape="one", data=Tryout, body=TryoutForm, handle=_test, is_long=True,
    ),
)  # fmt: skip
