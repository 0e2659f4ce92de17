"""What can be set. Frozen, and picklable: worker processes get the struct as it is. `_s` are seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from torouter.config.upstreams import ChannelSettings, DeadlineSettings, UpstreamSettings
from torouter.ledger.prices import UnknownPrice
from torouter.routing.fallbacks import Fallbacks
from torouter.store import OnHangup
from torouter.units import Secret

__all__ = [
    "SECTIONS",
    "ChannelSettings",
    "DeadlineSettings",
    "ErrorsSettings",
    "FetchSettings",
    "LimitsSettings",
    "Origin",
    "Overrides",
    "PricesSettings",
    "RedisSettings",
    "ResponsesSettings",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "TranslationSettings",
    "UpstreamSettings",
    "VaultSettings",
    "WhenAway",
]

WhenAway = Literal["serve", "refuse"]
SECTIONS: Final = (
    "server",
    "store",
    "redis",
    "limits",
    "prices",
    "errors",
    "upstream",
    "translation",
    "fetch",
    "responses",
    "vault",
)
"""Of the file, and fields of `Settings`, in the order of `docs/configuration.md`."""

Origin = Literal["file", "environment", "option"]


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    host: str = "127.0.0.1"
    port: int = 8000
    """0: a free one."""
    workers: int = 1
    grace_s: float = 30.0
    """How long running requests may go on after SIGTERM."""
    body_limit_mb: int = 64
    """The largest request body, in MiB."""
    header_timeout_s: float = 15.0
    body_timeout_s: float = 60.0
    """How long a client may take for a request's head, and may pause within its body."""
    cors_origins: tuple[str, ...] = ("*",)
    trusted_proxies: tuple[str, ...] = ()
    """CIDRs of proxies whose word on a client's address is taken."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    database: Secret | None = None
    """A `postgresql://` URL; `None`: SQLite in the data directory."""
    when_away: WhenAway = "serve"
    """What is done while the store cannot be read for longer than `stale_s`."""
    stale_s: float = 10.0
    retention_days: int = 90
    """How long usage is kept; 0: for ever."""


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    url: Secret | None = None
    """`None`: limits are counted in the memory of the one process that there is."""
    when_away: WhenAway = "refuse"


class LimitsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for keys that say nothing themselves."""

    strict: bool = False
    """Is the worst case held, so that no limit on money is ever passed?"""
    on_hangup: OnHangup = "cancel"
    drain_s: float = 60.0
    """How long an answer is read on whose client has left."""


class PricesSettings(msgspec.Struct, frozen=True, kw_only=True):
    unknown: UnknownPrice = "refuse-if-limited"
    """What becomes of requests for models without a price."""


class ErrorsSettings(msgspec.Struct, frozen=True, kw_only=True):
    insufficient_balance: int = 402
    """The status for an empty balance: 402 or 403."""


class FetchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Links to images and documents, followed for upstreams that do not."""

    enabled: bool = True
    private_networks: bool = False
    """May links lead to addresses that are not public?"""
    size_mb: int = 20
    timeout_s: float = 20.0
    """For all links of a request together; the size in MiB."""


class ResponsesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Of the Responses API: whether and how answers are kept for requests that refer to them."""

    keep: bool = False
    """What holds for keys that say nothing themselves."""
    ttl_s: float = 30 * 24 * 60 * 60.0
    limit_mb: int = 8
    """The largest conversation that is kept, in MiB: the request's whole input and its answer."""
    account_limit_mb: int = 1024
    """How much of one account lies in the store, compressed, in MiB; the oldest go first."""


class TranslationSettings(msgspec.Struct, frozen=True, kw_only=True):
    strict: bool = False
    """Is what a translation would lose refused?"""


class VaultSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Opaque reasoning state that is kept for clients which do not bring it back."""

    enabled: bool = True
    ttl_s: float = 86_400.0
    memory_mb: int = 16
    """Of each worker, in MiB."""
    rows: int = 100_000
    """The most that the store holds."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    data_dir: Path
    config_file: Path | None = None
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    redis: RedisSettings = RedisSettings()
    limits: LimitsSettings = LimitsSettings()
    prices: PricesSettings = PricesSettings()
    errors: ErrorsSettings = ErrorsSettings()
    admin_token: Secret | None = None
    """One that is good for the management API whatever the store says."""
    upstream: UpstreamSettings = UpstreamSettings()
    fetch: FetchSettings = FetchSettings()
    responses: ResponsesSettings = ResponsesSettings()
    translation: TranslationSettings = TranslationSettings()
    vault: VaultSettings = VaultSettings()
    channels: tuple[ChannelSettings, ...] = ()
    fallbacks: dict[str, Fallbacks] = {}
    """By the name that clients use for the model."""
    origins: dict[str, Origin] = {}
    """By name, such as `server.port`: who said so. What is not among them is the default."""

    @property
    def is_demo(self) -> bool:
        """Is nobody asked but the built-in demo?"""
        return all(channel.kind == "demo" for channel in self.channels)


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line, or the environment, says; `None` where it says nothing."""

    host: str | None = None
    port: int | None = None
    workers: int | None = None
    data: Path | None = None
    config: Path | None = None
    database: Secret | None = None
    redis: Secret | None = None
