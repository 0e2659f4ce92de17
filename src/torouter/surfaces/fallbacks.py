"""Which other models may stand in for the one that a request asks for: those that it names itself, else those that its
group has for the model, else those of the configuration. Each passes the guards as if it had been asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from torouter.access.admission import Admission, Doorkeeper
from torouter.access.standing import Standing
from torouter.errors import TorouterError
from torouter.relay.call import Call
from torouter.relay.others import NO_OTHERS, Others
from torouter.routing.fallbacks import NO_FALLBACKS, Fallbacks
from torouter.wire.head import Head

__all__ = ["named_fallbacks", "others_for"]

_HEADER: Final = b"x-torouter-fallbacks"
_MOST: Final = 4


def named_fallbacks(head: Head) -> Fallbacks | None:
    """Those that a request names: after an outage and for a prompt that is too long alike. An empty header: none, also
    none of the operator's. It is a list, so it may come in several fields."""
    if _HEADER not in head.fields:
        return None
    said = b",".join(value for name, value in head.headers if name == _HEADER)
    names = [name.strip() for name in said.decode("utf-8", "replace").split(",")]
    models = tuple(dict.fromkeys(name for name in names if name))[:_MOST]
    return Fallbacks(context_length=models, outage=models)


def others_for(
    named: Fallbacks | None, doorkeeper: Doorkeeper, standing: Standing, admission: Admission, call: Call
) -> Others:
    """Models that this key may not use are left out, and so is what nobody serves."""
    fallbacks = named or _configured(standing, admission)
    if fallbacks is NO_FALLBACKS or call.operation != "chat":
        return NO_OTHERS

    def admitted(names: Iterable[str]) -> Iterator[Admission]:
        for name in names:
            try:
                other = doorkeeper.admit(standing, call.codec.dialect, "chat", name)
            except TorouterError:
                continue
            if other.model != admission.model:
                yield other

    return Others(tuple(admitted(fallbacks.context_length)), tuple(admitted(fallbacks.outage)))


def _configured(standing: Standing, admission: Admission) -> Fallbacks:
    """By the name as it was sent, else by the base model's."""
    for known in (standing.group.fallbacks, admission.snapshot.fallbacks):
        for name in (admission.model, admission.route.model):
            if name in known:
                return known[name]
    return NO_FALLBACKS
