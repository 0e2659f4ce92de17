"""From options to forms: an option that was not given is a field that is not named."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

__all__ = ["form", "limit_options", "listed", "period_options", "read_json", "three_way"]

Command = TypeVar("Command", bound=Callable[..., Any])
T = TypeVar("T")

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_THREE: Final = {"yes": True, "no": False, "default": None}


def form(kind: type[T], /, **named: Any) -> T:
    """Leaves out what is `None`. `default` stands for what the operator's settings say, `never` for no end, and a day
    for its first moment, UTC. Raises `RequestError`."""
    from torouter.accounts.office.refused import filled

    return filled(kind, {name: _meant(name, value) for name, value in named.items() if value is not None})


def listed(text: str | None) -> list[str] | None:
    """`a, b` as two; the empty text as none at all."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def read_json(text: str, option: str) -> dict[str, Any]:
    """Raises `RequestError` for what is no JSON object."""
    import msgspec

    from torouter.errors import RequestError

    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise RequestError(f"{option}: {error}.") from error


def three_way(name: str, told: str) -> Callable[[Command], Command]:
    """`--name`, `--no-name` and `--default-name`."""
    param = name.replace("-", "_")

    def with_options(command: Command) -> Command:
        for flag, value, words in (
            (f"--default-{name}", "default", "As the configuration says."),
            (f"--no-{name}", "no", "No."),
            (f"--{name}", "yes", told),
        ):
            command = click.option(flag, param, flag_value=value, default=None, help=words)(command)
        return command

    return with_options


def limit_options(command: Command) -> Command:
    for flag, told in reversed(
        (
            ("--limit-5h", "Most requests within 5 hours; 0: no limit."),
            ("--limit-1d", "Most requests within a day; 0: no limit."),
            ("--limit-7d", "Most requests within 7 days; 0: no limit."),
            ("--rpm", "Most requests a minute; 0: no limit."),
            ("--tpm", "Most tokens a minute; 0: no limit."),
            ("--concurrency", "Most requests at a time; 0: no limit."),
        )
    ):
        command = click.option(flag, type=int, metavar="N", help=told)(command)
    return click.option("--cap-usd", metavar="USD", help="What it may spend in all; 0: no cap of its own.")(command)


def period_options(command: Command) -> Command:
    for flag, told in (("--until", "Before this day or time."), ("--since", "From this day or time (UTC) on.")):
        command = click.option(flag, metavar="DATE", help=told)(command)
    return command


def _meant(name: str, value: Any) -> Any:
    if name in ("is_strict", "keep_responses"):
        return _THREE[value]
    if value == "default" and name == "on_hangup":
        return None
    if name in ("expires_at", "ends_at") and value == "never":
        return None
    if isinstance(value, str) and name in _TIMES and _DAY.fullmatch(value):
        return f"{value}T00:00:00Z"
    return value


_TIMES: Final = frozenset({"expires_at", "ends_at", "started_at", "from_at", "since", "until"})
