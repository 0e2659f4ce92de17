"""The other models that may serve a request, because its operator or the request itself named them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import msgspec

from torouter.access.admission import Admission
from torouter.relay.call import Call
from torouter.relay.verdict import Fallback

__all__ = ["NO_OTHERS", "Others", "call_for", "fitted"]


class Others(NamedTuple):
    """Admitted as if they had been asked for, in the order in which they are asked."""

    context_length: tuple[Admission, ...] = ()
    outage: tuple[Admission, ...] = ()

    def after(self, fallback: Fallback) -> tuple[Admission, ...]:
        return self.context_length if fallback == "context_length" else self.outage


NO_OTHERS = Others()


def fitted(other: Admission, first: Admission) -> Admission:
    """Another model, that thinks as the first one was asked to by its name, if its own name says nothing of it. What is
    remembered with an admission is of requests whose body names its model, so this one begins anew."""
    route = other.route
    if route.reasoning is None and first.route.reasoning is not None:
        route = replace(route, reasoning=first.route.reasoning)
    return msgspec.structs.replace(other, route=route, memo={})


def call_for(call: Call, other: Admission) -> Call:
    """Its answer says which model it is from."""
    told = b"x-torouter-model: %b\r\n" % other.model.encode("ascii", "backslashreplace")
    return msgspec.structs.replace(call, answer_headers=call.answer_headers + told)
