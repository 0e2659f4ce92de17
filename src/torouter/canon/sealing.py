"""The state in an answer, sealed for a client of another dialect: events in, the same events out, with capsules.

Of each call it can be kept aside what the client has to bring back with it, for clients that bring nothing back.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from torouter.canon.blocks import Blob, Origin
from torouter.canon.capsule import SIZE_LIMIT, Place, Tenant, wrap
from torouter.canon.events import Event, PartBlob, PartDelta, PartEnd, PartStart
from torouter.units import Dialect

__all__ = ["Keep", "Sealer", "mark"]

Keep = Callable[[str, str, tuple[str, ...]], None]
"""(id of a call, its arguments, the capsules that belong to it: often none, which is worth knowing as well)"""


def mark(tenant: Tenant, dialect: Dialect, identity: bytes) -> str:
    """The capsule of reasoning that has no state: it only says whose the text beside it is."""
    blob = Blob(kind="mark", data="", origin=Origin(dialect=dialect))
    return tenant.seal(wrap(blob, tenant.scope(identity), "reasoning"))


class Sealer:
    """For one answer. `identity` is the scope of the upstream that gives it. `has_text`: the client's slot has no place
    for visible reasoning beside its state, so the capsule holds both. What belongs to a call, being on it or before it,
    goes to `keep` when the call is whole: all of it, or (`has_slots`) what is too large for a slot."""

    __slots__ = (
        "_has_said",
        "_has_slots",
        "_has_text",
        "_heads",
        "_keep",
        "_pending",
        "_pieces",
        "_scope",
        "_silent",
        "_tenant",
    )

    def __init__(
        self, tenant: Tenant, identity: bytes, *, has_text: bool, has_slots: bool = False, keep: Keep | None = None
    ) -> None:
        self._tenant = tenant
        self._scope = tenant.scope(identity)
        self._has_text = has_text
        self._has_slots = has_slots
        self._keep = keep
        self._heads: dict[int, PartStart] = {}
        self._pieces: dict[int, list[str]] = {}
        self._silent: set[int] = set()
        self._pending: list[str] = []
        self._has_said = False

    def feed(self, event: Event) -> Event:
        if type(event) is PartDelta:
            if event.part in self._silent:
                self._silent.discard(event.part)
                self._has_said = True
            pieces = self._pieces.get(event.part)
            if pieces is not None:
                pieces.append(event.text)
            return event
        if isinstance(event, PartStart):
            return self._began(event)
        if isinstance(event, PartBlob):
            return replace(event, blob=self._sealed(event.blob, event.part))
        if isinstance(event, PartEnd):
            self._ended(event.part)
        return event

    def _began(self, head: PartStart) -> PartStart:
        self._heads[head.part] = head
        if head.kind == "text":
            self._silent.add(head.part)
        elif head.kind == "reasoning":
            self._pieces[head.part] = []
        blobs = tuple(self._sealed(blob, head.part) for blob in head.blobs)
        if head.kind == "tool_call":
            self._has_said = True
            if self._keep is not None:
                self._pieces[head.part] = []
        return replace(head, blobs=blobs) if blobs else head

    def _sealed(self, blob: Blob, part: int) -> Blob:
        """One that is too large goes unsealed, so that no slot takes it."""
        head = self._heads[part]
        place = self._place(head)
        is_whole = place == "reasoning" and self._has_text
        text = "".join(self._pieces.get(part, ())) if is_whole else ""
        item = head.id if place == "reasoning" else ""
        capsule = wrap(blob, self._scope, place, text=text, item=item, is_first=not self._has_said)
        token = self._tenant.seal(capsule)
        is_too_large = len(token) > SIZE_LIMIT
        if is_too_large or not self._has_slots:
            self._pending.append(token)
        return blob if is_too_large else replace(blob, sealed=token)

    def _place(self, head: PartStart) -> Place:
        if head.kind == "text":
            return "empty" if head.part in self._silent else "text"
        return "call" if head.kind == "tool_call" else "reasoning"

    def _ended(self, part: int) -> None:
        head = self._heads.pop(part, None)
        pieces = self._pieces.pop(part, [])
        if head is None or head.kind != "tool_call" or self._keep is None:
            return
        self._keep(head.id, "".join(pieces), tuple(self._pending))
        self._pending.clear()
