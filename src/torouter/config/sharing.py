"""What several processes need in common before they may serve side by side."""

from __future__ import annotations

from torouter.config.settings import Settings
from torouter.errors import ConfigError

__all__ = ["check_sharing"]


def check_sharing(settings: Settings) -> None:
    """Raises `ConfigError` for several workers that would each count limits for themselves."""
    if settings.server.workers > 1 and settings.redis.url is None:
        raise ConfigError(
            f"server.workers: {settings.server.workers} workers need a Redis, for limits on money and requests are "
            "counted over all of them: give its URL with --redis, TOROUTER_REDIS or redis.url, or run one worker."
        )
