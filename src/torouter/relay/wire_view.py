"""The wire view: a request is answered with what becomes of it, frame by frame, as it happens.

What the client sent, what went to each upstream and what came back, why an attempt was left, and what would have been
returned: `exchange` is answered like any other, and each frame is written at once and forgotten. Nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import UNSET

from torouter.canon.losses import Loss
from torouter.ledger.books import UsageRow
from torouter.relay.frames import (
    AttemptFrame,
    CameFrame,
    ChunkFrame,
    DoneFrame,
    Frame,
    LeftFrame,
    LossesFrame,
    LossFrame,
    RequestFrame,
    ReturnedFrame,
    StatusFrame,
    UsageFrame,
    line_of,
)
from torouter.relay.record import Charge
from torouter.relay.redaction import Body, Piece, came_fields, own_fields, read_block, sent_fields, url_of, without
from torouter.relay.trial import Trial
from torouter.units import dollars
from torouter.wire.exchange import Exchange
from torouter.wire.told_exchange import ToldExchange
from torouter.wire.upstream import Request, Response

__all__ = ["WireView"]

_HEADERS: Final = b"content-type: application/x-ndjson\r\ncache-control: no-store\r\nx-accel-buffering: no\r\n"


class WireView:
    """An `Observer` of one request, and the `Listener` to its answer. `outer` is what the frames are written to;
    `target` is what was asked for, without a key in it. `is_admin`: nothing is hidden but credentials. `clock` is that
    of `Exchange.started_s`."""

    def __init__(
        self, outer: Exchange, *, target: bytes, headers: bytes, is_admin: bool, clock: Callable[[], float]
    ) -> None:
        self.exchange = ToldExchange(outer, self)
        self._outer = outer
        self._is_admin = is_admin
        self._clock = clock
        self._number = 0
        self._secrets: set[bytes] = set()
        """Of all credentials that were used so far."""
        self._bodies: dict[int, Body] = {}
        """Of answers that are coming, by number; none where its body is not shown."""
        self._returned = Body(self._secrets)
        self._lost: dict[int, int] = {}
        """How many losses each request had, by number: the answer's come after them."""
        self._settled: tuple[UsageRow, Charge] | None = None
        outer.begin(200, _HEADERS + headers)
        self._tell(
            RequestFrame(
                at_ms=self._at_ms(),
                method=outer.method.decode("ascii", "replace"),
                path=target.decode("utf-8", "replace"),
                headers=own_fields(outer.headers),
                **_body(Body(()).whole(outer.body), "body"),
            )
        )

    def close(self) -> None:
        """All is over: the last frame."""
        if (piece := self._returned.close()) is not None:
            self._tell(ReturnedFrame(at_ms=self._at_ms(), **_body(piece)))
        self._tell(self._done())
        self._outer.end()

    # As a `Listener`

    def began(self, status: int, headers: bytes, length_bytes: int | None) -> None:
        fields = [*read_block(headers), (b"x-request-id", self._outer.request_id)]
        if length_bytes is not None:
            fields.append((b"content-length", b"%d" % length_bytes))
        shown = came_fields(fields, self._secrets, is_admin=True)  # whatever the client gets it may see
        self._tell(StatusFrame(at_ms=self._at_ms(), status=status, headers=shown))

    def wrote(self, data: bytes) -> None:
        if (piece := self._returned.feed(data)) is not None:
            self._tell(ReturnedFrame(at_ms=self._at_ms(), **_body(piece)))

    # As an `Observer`

    def asking(self, trial: Trial, request: Request, lost: Sequence[Loss], *, is_translated: bool) -> int:
        number = self._ask(trial, request, is_translated=is_translated, continues=None)
        self._lost[number] = len(lost)
        self._tell_losses(number, [LossFrame(each.field, each.what, each.reason) for each in lost])
        return number

    def going_on(self, trial: Trial, request: Request) -> int:
        """Only translated answers are gone on with."""
        return self._ask(trial, request, is_translated=True, continues=trial.number)

    def came(self, number: int, response: Response) -> None:
        """What an upstream says of an error may be about the operator's account with it."""
        if self._is_admin or response.status < 400:
            self._bodies[number] = Body(self._secrets)
        headers = came_fields(response.headers, self._secrets, is_admin=self._is_admin)
        self._tell(CameFrame(number=number, at_ms=self._at_ms(), status=response.status, headers=headers))

    def got(self, number: int, data: bytes) -> None:
        body = self._bodies.get(number)
        piece = Piece("", False, len(data)) if body is None else body.feed(data)
        if piece is not None:
            self._tell_chunk(number, piece)

    def got_all(self, number: int) -> None:
        body = self._bodies.pop(number, None)
        if body is not None and (piece := body.close()) is not None:
            self._tell_chunk(number, piece)

    def left(self, trial: Trial, verdict: str, why: str, message: str) -> None:
        shown = None
        if self._is_admin and message:
            shown = without(message.encode("utf-8", "replace"), self._secrets).decode()
        self._tell(LeftFrame(number=trial.number, at_ms=self._at_ms(), verdict=verdict, why=why, message=shown))

    def settled(self, trial: Trial, losses: tuple[str, ...], row: UsageRow, charge: Charge) -> None:
        self._settled = row, charge
        self._tell_losses(trial.number, [_of_answer(each) for each in losses[self._lost.get(trial.number, 0) :]])

    # Frames

    def _ask(self, trial: Trial, request: Request, *, is_translated: bool, continues: int | None) -> int:
        candidate = trial.candidate
        assert candidate is not None, "it is asked"
        self._number = trial.number = number = self._number + 1
        credential, is_admin = candidate.credential, self._is_admin
        secret = b"" if credential.secret is None else credential.secret.reveal().encode()
        if secret:
            self._secrets.add(secret)
        self._tell(
            AttemptFrame(
                number=number,
                at_ms=self._at_ms(),
                channel=candidate.channel.name if is_admin else None,
                credential=credential.label if is_admin else None,
                model=candidate.upstream_model,
                dialect=candidate.dialect,
                is_translated=is_translated,
                picked=trial.picked,
                method=request.method.decode("ascii"),
                url=url_of(request, secret, is_admin=is_admin),
                headers=sent_fields(request, secret, is_admin=is_admin),
                continues=UNSET if continues is None else continues,
                **_body(Body(self._secrets).whole(request.body), "body"),
            )
        )
        return number

    def _tell_losses(self, number: int, losses: list[LossFrame]) -> None:
        if number and losses:
            self._tell(LossesFrame(number=number, losses=losses))

    def _tell_chunk(self, number: int, piece: Piece) -> None:
        self._tell(ChunkFrame(number=number, at_ms=self._at_ms(), **_body(piece)))

    def _done(self) -> DoneFrame:
        usage, cost_usd, first_token_ms, outcome = UsageFrame(), None, None, "refused"
        if self._settled is not None:
            row, charge = self._settled
            usage = UsageFrame(**{name: getattr(row, name) for name in UsageFrame.__struct_fields__})
            cost_usd = dollars(charge.cost_nusd) if charge.version else None
            first_token_ms, outcome = row.first_token_ms, row.outcome
        return DoneFrame(
            at_ms=self._at_ms(),
            request_id=self._outer.request_id.decode("ascii"),
            usage=usage,
            cost_usd=cost_usd,
            first_token_ms=first_token_ms,
            outcome=outcome,
            is_cut=self.exchange.is_aborted or UNSET,
        )

    def _tell(self, frame: Frame) -> None:
        if not self._outer.is_gone:
            self._outer.write(line_of(frame))

    def _at_ms(self) -> float:
        return round((self._clock() - self._outer.started_s) * 1000, 1)


def _body(piece: Piece, name: str = "data") -> dict[str, Any]:
    """The members of a frame that hold a piece of a body."""
    return {
        name: piece.data,
        "base64": piece.is_base64 or UNSET,
        "cut_bytes": piece.cut_bytes or UNSET,
    }


def _of_answer(told: str) -> LossFrame:
    field, _, what = told.rpartition(";")
    return LossFrame(field, what, None)
