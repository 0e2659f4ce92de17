"""Start-up settings: one frozen struct, from the command line, the environment, a YAML file and defaults.

A fault says where it stands (file, line and path, or the variable) and what was expected; all are reported at once. No
message ever holds a secret. What every key means is in `docs/configuration.md`.
"""

from torouter.config.channels import channel_settings_from
from torouter.config.load import data_directory, load_settings
from torouter.config.settings import (
    ChannelSettings,
    DeadlineSettings,
    ErrorsSettings,
    FetchSettings,
    LimitsSettings,
    Overrides,
    PricesSettings,
    RedisSettings,
    ResponsesSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TranslationSettings,
    UpstreamSettings,
    VaultSettings,
    WhenAway,
)
from torouter.config.sharing import check_sharing
from torouter.config.watching import Watching

__all__ = [
    "ChannelSettings",
    "DeadlineSettings",
    "ErrorsSettings",
    "FetchSettings",
    "LimitsSettings",
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
    "Watching",
    "WhenAway",
    "channel_settings_from",
    "check_sharing",
    "data_directory",
    "load_settings",
]
