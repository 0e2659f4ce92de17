"""A channel: one connection to one upstream, with its credentials and the names it serves. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torouter.channels.base_url import BaseUrl
from torouter.channels.credential import NO_CREDENTIAL, Credential
from torouter.channels.discovery import models_request
from torouter.channels.facts import reasons
from torouter.channels.kept import kept_request
from torouter.channels.kind import Kind
from torouter.channels.policy import Policy
from torouter.channels.scope import scope_of
from torouter.channels.target import PATHS, Target, auth_field
from torouter.errors import ConfigError
from torouter.units import Dialect, Operation
from torouter.wire.upstream import Deadlines, Request

__all__ = ["Channel"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channel:
    """`base_url`, `dialects` and `models` left out are the kind's own. Making one raises `ConfigError`.

    A base URL of the operator's own may have anything behind it: then all operations of its dialects are offered,
    whatever the kind's vendor has.
    """

    name: str
    kind: Kind
    base_url: str | None = None
    credentials: tuple[Credential, ...] = (NO_CREDENTIAL,)
    """At least one."""
    dialects: tuple[Dialect, ...] = ()
    models: Mapping[str, str] | None = None
    """Name that clients use → name upstream; `None`: not declared, so the kind's patterns decide."""
    priority: int = 10
    """Lower wins."""
    weight: int = 1
    groups: frozenset[str] = frozenset()
    """Groups that may use it; empty is all."""
    policy: Policy = field(default_factory=Policy)
    _targets: Mapping[tuple[Dialect, Operation], tuple[Target, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.models is None and self.kind.models:
            object.__setattr__(self, "models", {name: name for name in self.kind.models})
        object.__setattr__(self, "dialects", self.dialects or self.kind.dialects)
        object.__setattr__(self, "_targets", {key: self._make_targets(*key) for key in self._offered()})

    def target(self, dialect: Dialect, operation: Operation) -> Target | None:
        """Where this operation goes in this dialect, with the first credential; `None` if the channel does not offer
        it."""
        targets = self.targets(dialect, operation)
        return targets[0] if targets else None

    def targets(self, dialect: Dialect, operation: Operation) -> tuple[Target, ...]:
        """One for each of `credentials`, in their order; none where the channel does not offer the operation."""
        return self._targets.get((dialect, operation), ())

    def upstream_model(self, client_name: str) -> str | None:
        """The upstream's name for a model, or `None` if this channel does not serve it.

        A declared name wins as it stands. A vendor's prefix that means this channel's vendor is taken off
        (`openai/gpt-5`); on OpenRouter, which has no vendor of its own, it passes.
        """
        bare = self.kind.bare(client_name)
        if self.models is not None:
            return self.models.get(client_name) or self.models.get(bare)
        return bare if self.kind.has_name(bare) else None

    def deadlines_for(self, upstream_model: str) -> Deadlines:
        return self.policy.deadlines_for(upstream_model, reasons=reasons(self.kind, upstream_model))

    def scope(self, dialect: Dialect, upstream_model: str, credential: Credential) -> bytes:
        """Where state is valid that this model issues to this credential in this dialect."""
        base_url = self.base_url or self.kind.base_url_of(dialect)
        return scope_of(self.kind, dialect, base_url, credential.secret, upstream_model)

    def discovery(self) -> Request | None:
        """The request that asks the server for its models (`read_models` reads the answer); `None` where nothing is to
        be asked: models are declared, its list says nothing of them, or the server is in this process."""
        if self.models is not None or not self.kind.has_list:
            return None
        return self.probe(self.credentials[0])

    def probe(self, credential: Credential) -> Request:
        """The request for its list of models, which costs nothing."""
        dialect = self.dialects[0]
        return models_request(self._base(dialect), dialect, auth_field(self.kind.auth_of(dialect), credential.secret))

    def kept_request(self, method: bytes, below: bytes, passed: bytes, query: bytes) -> Request | None:
        """For a response that this upstream may keep itself; `None` where it does not speak that dialect. The
        credentials of a channel are taken to be of one organisation, so the first will do. See `channels.kept`; raises
        `RequestError`."""
        if self.target("openai-responses", "chat") is None:
            return None
        base = self._base("openai-responses")
        auth = auth_field(self.kind.auth_of("openai-responses"), self.credentials[0].secret)
        return kept_request(base, auth, method, below, passed, query, self.policy.deadlines)

    def _offered(self) -> list[tuple[Dialect, Operation]]:
        return [
            (dialect, operation)
            for dialect in self.dialects
            for operation in PATHS[dialect]
            if (self.base_url is not None or operation in self.kind.operations)
            and (operation != "count_tokens" or dialect in self.kind.counters)
        ]

    def _make_targets(self, dialect: Dialect, operation: Operation) -> tuple[Target, ...]:
        base, auth = self._base(dialect), self.kind.auth_of(dialect)
        return tuple(
            Target(base, dialect, operation, auth_field(auth, credential.secret)) for credential in self.credentials
        )

    def _base(self, dialect: Dialect) -> BaseUrl:
        if self.base_url is None and dialect not in self.kind.dialects:
            raise ConfigError(
                f"channel {self.name}: {self.kind.name} does not speak {dialect} at its own base URL", param="dialects"
            )
        url = self.kind.base_url_of(dialect) if self.base_url is None else self.base_url
        if url is None:
            raise ConfigError(f"channel {self.name}: kind {self.kind.name} needs a base_url", param="base_url")
        base = BaseUrl.parse(url)
        if base.origin.scheme == "memory" and self.base_url is not None:
            raise ConfigError(f"channel {self.name}: base_url: expected an http or https URL", param="base_url")
        return base
