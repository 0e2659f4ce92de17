"""Readers of what stands in one channel: its address, credentials, models and deadlines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from torouter.channels import Credential
from torouter.channels.base_url import BaseUrl
from torouter.config.document import Reader, Value, list_of, seconds, text
from torouter.config.secrets import ENV, looked_up
from torouter.config.upstreams import DeadlineSettings
from torouter.errors import ConfigError
from torouter.units import Secret

__all__ = ["KEY_FORM", "Models", "read_api_key", "read_base_url", "read_credentials", "read_deadlines", "read_models"]

KEY_FORM: Final = re.compile(r"[!-~]+")
_EXAMPLE: Final = "{name: main, api_key: env:KEY}"
_LABEL: Final = re.compile(r"(?!sk-)[A-Za-z0-9][\w.@/ -]{0,39}", re.ASCII)


class Models(msgspec.Struct, frozen=True):
    """Names that clients use → names upstream; and by the latter what was said of their deadlines."""

    names: dict[str, str]
    deadlines: dict[str, DeadlineSettings] = {}


class _Model(msgspec.Struct, frozen=True):
    name: str
    deadlines: DeadlineSettings | None = None


def read_base_url(value: Value) -> str | None:
    """Faults do not show the URL: people put credentials into them."""
    url = text(value)
    if url is None:
        return None
    try:
        base = BaseUrl.parse(url)
    except ConfigError as error:
        value.fault(error.message.removeprefix("base_url: "))
        return None
    if base.origin.scheme not in {"http", "https"}:
        value.fault("expected a URL that starts with http:// or https://")
        return None
    return url


def read_api_key(environ: Mapping[str, str]) -> Reader[Secret]:
    def read(value: Value) -> Secret | None:
        """No fault of a key shows what was found: it may be most of a key."""
        found = str(value.node.value) if value.has_tag("str") else ""
        if not found:
            value.fault("expected a key, or env: and the name of the environment variable that holds it")
            return None
        key = looked_up(value, found, environ) if found.startswith(ENV) else found
        if key is not None and not KEY_FORM.fullmatch(key):
            value.fault("expected a key of printable ASCII characters without spaces or line ends")
            return None
        return None if key is None else Secret(key)

    return read


def read_credentials(environ: Mapping[str, str]) -> Reader[tuple[Credential, ...]]:
    """A reader of the list. Of several, those without a name are called by their place: `1`, `2`."""

    def read(value: Value) -> tuple[Credential, ...] | None:
        if value.items() is None:
            value.fault(f"expected a list of credentials, such as {_EXAMPLE}")  # it may be a key that stands here
            return None
        found = list_of(_credential(environ), "credentials", least=1)(value)
        if found is None or len(found) < len(value.node.value):
            return None
        if len(found) > 1:
            found = tuple(
                Credential(each.label or str(place), each.secret) for place, each in enumerate(found, start=1)
            )
        labels = [each.label for each in found]
        twice = {label for label in labels if labels.count(label) > 1}
        for label in sorted(twice):
            value.fault(f"there are several credentials named {label}")
        return None if twice else found

    return read


def _credential(environ: Mapping[str, str]) -> Reader[Credential]:
    read_key = read_api_key(environ)

    def read(value: Value) -> Credential | None:
        found = value.table(("name", "api_key"))
        if found is None:
            value.fault(f"expected a mapping such as {_EXAMPLE}")
            return None
        if "api_key" not in found:
            value.fault("expected an api_key")
            return None
        label = _label(found["name"]) if "name" in found else ""
        secret = read_key(found["api_key"])
        return None if label is None or secret is None else Credential(label, secret)

    return read


def _label(value: Value) -> str | None:
    """Not shown where it is wrong: it may be a key."""
    found = text(value)
    if found is not None and not _LABEL.fullmatch(found):
        value.fault("expected a name of at most 40 letters, digits and . _ - / @, which is no key")
        return None
    return found


def read_deadlines(value: Value) -> DeadlineSettings | None:
    readers: Mapping[str, Reader[float]] = {
        name: seconds(may_be_zero=name in {"first_token_s", "total_s"}) for name in DeadlineSettings.__struct_fields__
    }
    table = value.table(tuple(readers))
    if table is None:
        value.expected(f"a mapping with the keys {', '.join(readers)}")
        return None
    found = {key: readers[key](inner) for key, inner in table.items()}
    return None if None in found.values() else DeadlineSettings(**found)


def read_models(value: Value) -> Models | None:
    """{client's name: upstream's name, or {model: …, deadlines: …}}, also from a list of names that are the same on
    both sides."""
    models: Models | None = None
    if (table := value.table()) is not None:
        read = {client: _model(client, inner) for client, inner in table.items()}
        models = _together(value, {client: model for client, model in read.items() if model is not None})
    elif value.items() is not None:
        models = Models({name: name for name in list_of(text, "names")(value) or ()})
    else:
        value.expected("a list of names, or a mapping {name for clients: name upstream}")
    if models is not None and not value.node.value:
        value.fault("expected at least one model; leave `models` out to serve whatever the upstream has")
    return models


def _model(client: str, value: Value) -> _Model | None:
    table = value.table(("model", "deadlines"))
    if table is None:
        name = text(value)
        return None if name is None else _Model(name)
    name = text(table["model"]) if "model" in table else client
    deadlines = read_deadlines(table["deadlines"]) if "deadlines" in table else None
    return None if name is None else _Model(name, deadlines)


def _together(value: Value, read: Mapping[str, _Model]) -> Models:
    """Deadlines belong to the model upstream: two names of one model cannot differ in them."""
    deadlines: dict[str, DeadlineSettings] = {}
    for model in read.values():
        if model.deadlines is not None and deadlines.setdefault(model.name, model.deadlines) != model.deadlines:
            value.fault(f"the deadlines of {model.name} are given twice, and differ")
    return Models({client: model.name for client, model in read.items()}, deadlines)
