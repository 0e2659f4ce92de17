"""A channel's base URL, taken apart once: where to connect, what to put in `host`, and what paths begin with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from torouter.errors import ConfigError
from torouter.wire.upstream import Origin

__all__ = ["BaseUrl"]

_PORTS: Final = {"http": 80, "https": 443, "memory": 0}
_UNSAFE: Final = re.compile(r"[^\x21-\x7e]")
_VERSION: Final = re.compile(r"/v\d+(?:alpha|beta)?\d*$")


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """`host` is the header's value, `path` has no trailing slash (and may be empty)."""

    origin: Origin
    host: bytes
    path: str

    @classmethod
    def parse(cls, url: str) -> BaseUrl:
        """Raises `ConfigError` unless it is an http, https or memory URL of printable ASCII without userinfo, query
        and fragment. Checked before parsing, since `urlsplit` quietly takes line breaks out of a URL."""
        if _UNSAFE.search(url):
            raise ConfigError("base_url: spaces, control and non-ASCII characters are not allowed in a URL")
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
        except ValueError as err:
            raise ConfigError(f"base_url: not a URL: {err}") from None
        if scheme not in _PORTS or not host:
            raise ConfigError("base_url: expected a URL such as https://api.example.com/v1")
        if "@" in parts.netloc:
            raise ConfigError("base_url: credentials do not belong into the URL; use api_key")
        if "?" in url or "#" in url:
            raise ConfigError("base_url: a query or fragment is not allowed")
        port = _PORTS[scheme] if port is None else port
        name = f"[{host}]" if ":" in host else host
        header = name if port == _PORTS[scheme] else f"{name}:{port}"
        return cls(Origin(scheme, host, port), header.encode(), parts.path.rstrip("/"))

    @property
    def root(self) -> str:
        """The path without a version at its end: `/api/v1` gives `/api`."""
        return _VERSION.sub("", self.path)

    def version(self, default: str) -> str:
        """The version at the path's end (`/v1`, `/v1beta`), or the default if there is none."""
        found = _VERSION.search(self.path)
        return found.group() if found else default
