"""The form of a price: from its fields, in US dollars, to what the office takes, and back.

It has two tiers by the size of the prompt, and three service tiers that are a factor. Whoever wants more has the
command line and the management API.
"""

from __future__ import annotations

import re
from typing import Any, Final

from torouter.accounts.dollars import dollars, nano_dollars
from torouter.accounts.office.fields import MULTIPLIER_PATTERN, multiplier, multiplier_ppm
from torouter.accounts.office.views import PriceView
from torouter.console.portal.fields import Fields, at_minute, money, whole
from torouter.console.portal.key_form import Problem, problem_of
from torouter.errors import RequestError
from torouter.ledger.rates import Rates

__all__ = ["BLANK", "FACTORS", "RATES", "TIERS", "is_whole", "named_fields", "shown_fields", "whose_problem"]

RATES: Final = {
    name.removesuffix("_per_mtok").removesuffix("_nusd"): name
    for name in Rates.__struct_fields__
    if name not in ("tiers", "service_tiers")
}
"""By the names of the form's fields, those that rates have for them; all in nano-dollars."""
TIERS: Final = (1, 2)
FACTORS: Final = (1, 2, 3)

_TEXTS: Final = ("model", "channel", "from_at", "note")
_FEES: Final = ("request", "web_search")
_SERVICE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_FACTOR: Final = re.compile(MULTIPLIER_PATTERN)

BLANK: Final = dict.fromkeys(
    (
        *_TEXTS,
        *RATES,
        *(f"above_{tier}" for tier in TIERS),
        *(f"{name}_{tier}" for tier in TIERS for name in RATES),
        *(f"{part}_{number}" for number in FACTORS for part in ("service", "factor")),
    ),
    "",
)


def named_fields(form: Fields) -> dict[str, Any]:
    """What the form says, by the office's names. Raises `RequestError`."""
    said: dict[str, Any] = {name: form.get(name, "").strip() for name in ("model", "channel", "note")}
    if (from_at := at_minute(form.get("from_at", ""), "from_at")) is not None:
        said["from_at"] = from_at
    rates: dict[str, Any] = dict(_rates(form, ""))
    if not rates:
        raise RequestError("input: expected a rate, 0 where it costs nothing.", param="input")
    said["rates"] = rates | {"tiers": _tiers(form), "service_tiers": _service_tiers(form)}
    return said


def shown_fields(price: PriceView) -> dict[str, str]:
    """To make one like it. What the form has no place for is left out: see `is_whole`."""
    rates = price.rates
    shown = {"model": price.model, "channel": price.channel, "note": price.note} | _shown(rates, "")
    for tier, found in zip(TIERS, rates.tiers, strict=False):
        shown |= {f"above_{tier}": str(found.above_tokens)} | _shown(found.rates, f"_{tier}")
    for number, (name, service) in zip(FACTORS, rates.service_tiers.items(), strict=False):
        shown |= {f"service_{number}": name, f"factor_{number}": multiplier(service.factor_ppm)}
    return BLANK | shown


def is_whole(rates: Rates) -> bool:
    """Can the form say all of it?"""
    services = rates.service_tiers.values()
    return (
        len(rates.tiers) <= len(TIERS)
        and len(services) <= len(FACTORS)
        and all(each.rates is None for each in services)
    )


def whose_problem(error: RequestError) -> Problem:
    """The field of this form that the office's path means."""
    found = problem_of(error)
    return Problem("", 0, error.message) if found.field == "rates" else found


def _rates(form: Fields, suffix: str) -> dict[str, int]:
    """Those that are given."""
    texts = {name: money(form.get(f"{name}{suffix}", "")) for name in RATES}
    found = {name: nano_dollars(text, f"{name}{suffix}") for name, text in texts.items() if text}
    if (below := next((name for name, rate in found.items() if rate < 0), None)) is not None:
        raise RequestError(f"{below}{suffix}: expected no less than 0.", param=f"{below}{suffix}")
    return {RATES[name]: rate for name, rate in found.items()}


def _tiers(form: Fields) -> list[dict[str, Any]]:
    found = []
    for tier in TIERS:
        rates, above = _rates(form, f"_{tier}"), whole(form.get(f"above_{tier}", ""), f"above_{tier}")
        if bool(rates) != bool(above):
            field = f"above_{tier}" if rates else f"input_{tier}"
            raise RequestError(f"{field}: a tier has both a size and rates.", param=field)
        if rates:
            found.append({"above_tokens": above, "rates": rates})
    if len({each["above_tokens"] for each in found}) < len(found):
        raise RequestError("above_2: expected another size than the other tier's.", param="above_2")
    return found


def _service_tiers(form: Fields) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for number in FACTORS:
        name, factor = (form.get(f"{part}_{number}", "").strip() for part in ("service", "factor"))
        if not name and not factor:
            continue
        if not _SERVICE.fullmatch(name) or name in found:
            raise RequestError(f"service_{number}: expected a word, each once.", param=f"service_{number}")
        found[name] = {"factor_ppm": _factor_ppm(factor, f"factor_{number}")}
    return found


def _factor_ppm(text: str, field: str) -> int:
    if not _FACTOR.fullmatch(text):
        raise RequestError(f"{field}: expected a factor such as 0.5, with at most six decimals.", param=field)
    return multiplier_ppm(text)


def _shown(rates: Rates, suffix: str) -> dict[str, str]:
    """A rate that is another one's is left empty, and so is a fee that there is none of."""
    found = {name: getattr(rates, field) for name, field in RATES.items()}
    is_said = {name: value is not None and (value or name not in _FEES) for name, value in found.items()}
    return {f"{name}{suffix}": dollars(value) for name, value in found.items() if is_said[name]}
