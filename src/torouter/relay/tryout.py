"""A small, real request to one channel, chosen by an operator: the same edits or translation, the same credential, the
same reading of the answer and the same verdicts as any request has, and nothing of what chooses, learns or bills.

Nobody's key asks, so there is no usage row and nothing on the books; health neither stops it nor hears of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from torouter.access.admission import Admission
from torouter.access.keyring import Key
from torouter.access.terms import Terms
from torouter.channels import Channel, read_models
from torouter.codecs import CODECS, Framing
from torouter.errors import RequestError, UpstreamError
from torouter.relay.asking import Asking
from torouter.relay.call import Call
from torouter.relay.continuity import Continuity
from torouter.relay.error_answer import read_error_answer
from torouter.relay.findings import finding_on
from torouter.relay.passage import Passage
from torouter.relay.small_talk import body_for, likely, plain, said
from torouter.relay.verdict import verdict_on
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Bucket, Candidate, Route, Snapshot, Translations
from torouter.routing.tryouts import Finding, Tryout, Wanted
from torouter.units import Dialect, RequestIds
from torouter.wire.fetch import Fetcher
from torouter.wire.inner_exchange import InnerExchange
from torouter.wire.upstream import Request, Response, Upstream

__all__ = ["Tryouts"]

_log = logging.getLogger("torouter.relay")

_LIMIT_S: Final = 30.0
_AT_ONCE: Final = 4
_ANSWER_BYTES: Final = 1024 * 1024
_LIST_BYTES: Final = 8 * 1024 * 1024
_SECRET_CHARACTERS: Final = 4
"""A key of fewer guards nothing, and stands in any text."""
_NOBODY: Final = Key(id=0, account_id=0, group_id=0)


@dataclass(slots=True, kw_only=True)
class Tryouts:
    """One per process, on its event loop. `known` tells which models an upstream has said it has; `fetcher` is the
    relay's; `clock` counts seconds."""

    upstreams: Mapping[str, Upstream]
    continuity: Continuity
    fetcher: Fetcher | None
    translations: Translations
    known: Callable[[str], Sequence[str]]
    clock: Callable[[], float]
    limit_s: float = _LIMIT_S
    new_id: Callable[[], bytes] = field(default_factory=RequestIds)
    _under_way: int = 0

    async def ask(self, channel: Channel, wanted: Wanted) -> Tryout:
        """What the channel or its upstream does is no error here: it is what is found out."""
        if self._under_way >= _AT_ONCE:
            return Tryout(finding="too_many", channel=channel.name)
        self._under_way += 1
        try:
            return await _Tryout(self, channel, wanted).run()
        finally:
            self._under_way -= 1


class _Tryout:
    """One of them: what is known of it so far."""

    def __init__(self, means: Tryouts, channel: Channel, wanted: Wanted) -> None:
        self._means = means
        self._channel = channel
        self._wanted = wanted
        self._witnesses = {scheme: _Witness(upstream) for scheme, upstream in means.upstreams.items()}
        self._begun_s = means.clock()
        self._snapshot = Snapshot(channels=(channel,), translations=means.translations)
        self._route: Route | None = None
        self._passage: Passage | None = None
        self._told = Tryout(finding="fault", channel=channel.name, operation=wanted.operation)

    async def run(self) -> Tryout:
        try:
            async with asyncio.timeout(self._means.limit_s):
                await self._run()
        except TimeoutError:
            has_head = self._passage is not None and self._passage.response is not None
            self._tell(finding="too_slow" if has_head else "no_answer")
        except UpstreamError as error:
            self._failed(error)
        except RequestError as error:
            self._tell(finding="not_sendable", message=plain(error.message))
        except Exception:  # a fault of ours is found out, too
            _log.exception("tryout failed channel=%s", self._channel.name)
        finally:
            if self._passage is not None:
                self._passage.close()
        self._tell(
            url=self._shown(next((each.url for each in self._witnesses.values() if each.url), "")),
            first_token_ms=self._first_token_ms(),
            took_ms=round((self._means.clock() - self._begun_s) * 1000),
        )
        return self._told

    async def _run(self) -> None:
        found = await self._whom()
        if isinstance(found, Candidate):
            await self._ask(found)
        else:
            self._tell(finding=found)

    async def _whom(self) -> Candidate | Finding:
        """Or why there is nobody to ask. Raises `UpstreamError`."""
        channel, wanted = self._channel, self._wanted
        labels = [each.label for each in channel.credentials]
        label = wanted.credential or labels[0]
        self._tell(credential=label)
        if label not in labels:
            return "no_such_credential"
        model = wanted.model or await self._any_model(labels.index(label))
        if not model:
            return "no_model"
        dialect = wanted.dialect or self._own_dialect()
        self._tell(model=model, dialect=dialect)
        route = self._snapshot.route(next(iter(channel.groups), ""), dialect, wanted.operation, model)
        if route is None:
            return "model_not_served" if channel.upstream_model(model) is None else "not_offered"
        self._route = route
        return next(each for each in route.candidates if each.credential.label == label)

    def _own_dialect(self) -> Dialect:
        """In which nothing needs to be translated; embeddings are asked for in OpenAI's."""
        channel, operation = self._channel, self._wanted.operation
        if operation == "chat":
            for dialect in channel.dialects:
                if channel.target(dialect, operation) is not None:
                    return dialect
        return "openai-chat"

    async def _any_model(self, at: int) -> str:
        """One that the channel declares, or that its upstream has said it has. Raises `UpstreamError`."""
        channel, operation = self._channel, self._wanted.operation
        if channel.models is not None:
            return likely(list(channel.models), operation, is_declared=True)
        names = self._means.known(channel.name) or await self._listed(at)
        return likely(names, operation, is_declared=False)

    async def _listed(self, at: int) -> Sequence[str]:
        """Asked for now: nobody asks a channel that is not enabled, so nothing is known of it."""
        channel = self._channel
        if not channel.kind.has_list:
            return ()
        request = channel.probe(channel.credentials[at])
        response = await self._witnesses[request.origin.scheme].send(request)
        try:
            if response.status >= 400:
                raise await read_error_answer(CODECS[channel.dialects[0]], response)
            return read_models(await response.read(_LIST_BYTES))
        finally:
            response.close()

    async def _ask(self, candidate: Candidate) -> None:
        means, operation, model, route = self._means, self._wanted.operation, self._told.model, self._route
        dialect = self._wanted.dialect or self._own_dialect()
        self._tell(upstream_model=candidate.upstream_model, upstream_dialect=candidate.dialect)
        assert route is not None, "the candidate is of it"
        alone = Route(route.model, route.reasoning, (Bucket((candidate,)),), route.is_translated)
        call = Call(
            codec=CODECS[dialect],
            operation=operation,
            framing="sse" if operation == "chat" else "whole",
            content_type=b"application/json",
        )
        body = body_for(dialect, operation, model, candidate)
        exchange = InnerExchange(body, means.new_id(), means.clock(), _ANSWER_BYTES)
        admission = Admission(key=_NOBODY, snapshot=self._snapshot, model=model, route=alone)
        passage = self._passage = Passage(exchange, admission, call, Terms(), _nothing_to_settle)
        passage.candidate = candidate
        passage.claim = _claimed
        planner = Planner(_never_drawn)  # of its own: nothing is learnt
        asking = Asking(self._witnesses, means.continuity, planner, means.fetcher, means.clock)
        await asking.ask(passage, passage)
        self._answered(passage, exchange)

    def _answered(self, passage: Passage, exchange: InnerExchange) -> None:
        delivery = passage.delivery
        assert delivery is not None, "it was asked, and nothing was raised"
        usage = delivery.usage()
        self._tell(
            status=exchange.status if passage.response is None else passage.response.status,
            input_tokens=usage.total_input_tokens,
            output_tokens=usage.total_output_tokens,
            losses=list(delivery.losses),
        )
        if delivery.failure is not None:
            self._failed(delivery.failure)
            return
        if self._wanted.operation != "chat":
            self._tell(finding="ok")
            return
        framing: Framing = "sse" if exchange.is_stream else "whole"  # some servers stream nothing
        text = said(passage.call.codec.dialect, framing, bytes(exchange.answer))
        self._tell(finding="ok" if text else "ok_silent", text=self._shown(text))

    def _failed(self, error: UpstreamError) -> None:
        row = verdict_on(error)
        self._tell(
            finding=finding_on(error, row, self._told.upstream_model or self._wanted.model),
            verdict=row.name,
            status=error.upstream_status,
            message=self._shown(error.message),
        )

    def _first_token_ms(self) -> int | None:
        passage = self._passage
        if passage is None or passage.delivery is None or passage.asked_s is None:
            return None
        first_byte_s = passage.delivery.first_byte_s
        return None if first_byte_s is None else round((first_byte_s - passage.asked_s) * 1000)

    def _tell(self, **facts: Any) -> None:
        self._told = msgspec.structs.replace(self._told, **facts)

    def _shown(self, text: str) -> str:
        """Without the channel's keys: some upstreams repeat what they were shown."""
        for credential in self._channel.credentials:
            key = "" if credential.secret is None else credential.secret.reveal()
            if len(key) >= _SECRET_CHARACTERS:
                text = text.replace(key, "***")
        return plain(text)


class _Witness:
    """An upstream, and where the last request to it went."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.url = ""

    async def send(self, request: Request) -> Response:
        origin = request.origin
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        self.url = f"{request.method.decode()} {origin.scheme}://{host}:{origin.port}{request.target.decode()}"
        return await self._upstream.send(request)

    async def close(self) -> None:
        """It is not this one's."""


def _nothing_to_settle(passage: Passage) -> None:
    """Nobody is billed, and there is no usage row: the audit log tells of it."""


def _claimed() -> None:
    """That there is one makes every failure one that is raised, and none the answer."""


def _never_drawn() -> float:
    return 0.0
