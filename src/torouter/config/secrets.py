"""Secrets as the file and the environment hold them. No fault shows what was found: it may be most of a secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from torouter.config.document import Faults, Reader, Value
from torouter.units import Secret

__all__ = ["ENV", "check_url", "looked_up", "secret_url", "token_variable"]

ENV: Final = "env:"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORTEST_TOKEN: Final = 24


def looked_up(value: Value, reference: str, environ: Mapping[str, str]) -> str | None:
    """What the variable holds that `env:NAME` names."""
    variable = reference.removeprefix(ENV).strip()
    if not _VARIABLE.fullmatch(variable):
        value.fault("expected the name of an environment variable after env:")
        return None
    if not environ.get(variable):
        value.fault(f"the environment variable {variable} is {'empty' if variable in environ else 'not set'}")
        return None
    return environ[variable]


def secret_url(schemes: Collection[str], environ: Mapping[str, str]) -> Reader[Secret]:
    """A reader of URLs that may hold a password: as they are, or `env:NAME`."""

    def read(value: Value) -> Secret | None:
        found = str(value.node.value) if value.has_tag("str") else ""
        url = looked_up(value, found, environ) if found.startswith(ENV) else found
        if url is None:
            return None
        if not _is_url(url, schemes):
            value.fault(_expected(schemes) + ", or env: and the name of the environment variable that holds it")
            return None
        return Secret(url)

    return read


def check_url(url: Secret | None, where: str, schemes: Collection[str], faults: Faults) -> None:
    """Of one that came from the command line or the environment."""
    if url is not None and not _is_url(url.reveal(), schemes):
        faults.add(where, _expected(schemes))


def token_variable(environ: Mapping[str, str], name: str, faults: Faults) -> Secret | None:
    found = environ.get(name)
    if found and not (len(found) >= _SHORTEST_TOKEN and found.isascii() and found.isprintable() and " " not in found):
        faults.add(name, f"expected at least {_SHORTEST_TOKEN} printable ASCII characters without spaces")
    return Secret(found) if found else None


def _expected(schemes: Collection[str]) -> str:
    return f"expected a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}"


def _is_url(url: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname or parts.path) and url.isprintable()
    except ValueError:
        return False
