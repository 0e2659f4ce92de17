"""Reasoning that goes on through a foreign dialect: what a conversation carries in capsules, and who may open them.

A conversation is decoded once and encoded for each candidate, because what of its state may be sent differs.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from torouter.access.admission import Admission
from torouter.canon.capsule import MARK, Capsule, Tenant, is_marked
from torouter.canon.request import ChatRequest
from torouter.canon.restoring import capsules_in, restored, unaccompanied, with_tokens
from torouter.canon.sealing import Sealer, mark
from torouter.relay.call import Call
from torouter.relay.vault import Vault
from torouter.routing.snapshot import Candidate
from torouter.wire.exchange import Exchange

__all__ = ["Continuity", "Conversation", "capsules_in_body"]

_TOKEN: Final = re.compile(MARK + rb"[A-Za-z0-9+/_-]*")
_LATEST: Final = 8
"""How many capsules are looked at for where a conversation belongs; clients edit their histories."""
_TENANTS_LIMIT: Final = 10_000


def capsules_in_body(body: bytes) -> list[str]:
    """What looks like a capsule in a body that has not been decoded."""
    return [token.decode("ascii") for token in _TOKEN.findall(body)] if is_marked(body) else []


class Conversation:
    """A decoded request of one tenant, with what was kept aside for it."""

    __slots__ = ("_tenant", "_vault", "request")

    def __init__(self, request: ChatRequest, tenant: Tenant, vault: Vault | None) -> None:
        self.request = request
        self._tenant = tenant
        self._vault = vault

    def capsules(self) -> list[str]:
        return capsules_in(self.request)

    def request_for(self, candidate: Candidate) -> ChatRequest:
        """With the state that this candidate itself can have issued."""
        scope = self._tenant.scope(candidate.scope)

        def valid(token: str) -> Capsule | None:
            capsule = self._tenant.open(token)
            return capsule if capsule is not None and capsule.scope == scope else None

        return restored(self.request, valid, wants_text=candidate.dialect == "openai-chat")

    def mark(self, candidate: Candidate) -> str:
        return mark(self._tenant, candidate.dialect, candidate.scope)

    def sealer(self, candidate: Candidate, *, is_reasoning_shown: bool) -> Sealer:
        """Kept aside is what this client has no slot for, or will not bring back: clients that know only OpenAI's own
        fields drop all others."""
        dialect = self.request.dialect
        has_own_text = dialect in ("anthropic", "openai-responses") and is_reasoning_shown
        return Sealer(
            self._tenant,
            candidate.scope,
            has_text=not has_own_text,
            has_slots=dialect != "openai-chat" and self.request.takes_state,
            keep=None if self._vault is None else self._vault.keeper(self._tenant),
        )


class Continuity:
    """One per process. `secret` is 32 bytes, the installation's own; without a `vault` nothing is kept aside."""

    def __init__(self, secret: bytes, vault: Vault | None) -> None:
        self._secret = secret
        self._vault = vault
        self._tenants: dict[int, Tenant] = {}

    async def read(self, exchange: Exchange, admission: Admission, call: Call) -> Conversation:
        """Raises `RequestError`. Waits only where state has to be looked up in the store."""
        client = call.codec.translation
        assert client is not None, "routing offers only dialects that can be translated"
        chat = client.decode_request(exchange.body)
        if call.framing != "whole":  # Gemini says so in the path; the others' bodies say the same again
            chat = msgspec.structs.replace(chat, stream=True)
        reasoning = admission.route.reasoning
        if reasoning is not None and chat.reasoning is None:
            is_on = reasoning.depth != "off"
            chat = msgspec.structs.replace(
                chat, reasoning=reasoning, is_reasoning_visible=is_on, takes_state=is_on or chat.takes_state
            )
        tenant = self._tenant(admission)
        if self._vault is not None and (calls := unaccompanied(chat)):
            found = await self._vault.find(tenant, calls)
            chat = with_tokens(chat, found) if found else chat
        return Conversation(chat, tenant, self._vault)

    def scopes(self, admission: Admission, capsules: Sequence[str]) -> Collection[bytes]:
        """Where the latest state is valid, as candidates know it: those come first that can use it."""
        tenant = self._tenant(admission)
        for token in reversed(capsules[-_LATEST:]):
            capsule = tenant.open(token)
            if capsule is not None:
                buckets = admission.route.buckets
                known = {candidate.scope for bucket in buckets for candidate in bucket.candidates}
                return {scope for scope in known if tenant.scope(scope) == capsule.scope}
        return ()

    def _tenant(self, admission: Admission) -> Tenant:
        account = admission.key.account_id
        tenant = self._tenants.get(account)
        if tenant is None:
            if len(self._tenants) >= _TENANTS_LIMIT:
                self._tenants.clear()
            tenant = self._tenants[account] = Tenant(hmac.digest(self._secret, b"tenant %d" % account, "sha256"))
        return tenant
