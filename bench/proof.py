"""That nothing was switched off to be fast: the gateway's own answers, metrics and store are asked in every round."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import request
from bench.programs import BenchError
from bench.rows import Measurement, Proof
from bench.servers import CHANNELS, Server

__all__ = ["Metered", "check_guards", "prove", "read_metrics"]

_WRONG_KEY = "sk-bench-nobody-has-this-key"


@dataclass(frozen=True, slots=True)
class Metered:
    requests: int
    tokens: int


def check_guards(gateway: Server) -> None:
    """Keys, lists of models and request ids are looked at. Raises `BenchError` where one is not."""
    status, headers, _ = gateway.post(request.body())
    _expect(status == 200 and "x-request-id" in headers, f"an answer without a request id: {status} {headers}")
    status, _, _ = gateway.post(request.body(), key=_WRONG_KEY)
    _expect(status == 401, f"a wrong key is answered with {status}, not 401")
    status, _, _ = gateway.post(request.body(request.CLOSED_MODEL))
    _expect(status == 403, f"a model that is not on the key's list is answered with {status}, not 403")


def read_metrics(gateway: Server) -> Metered:
    """While the gateway still runs."""
    page = gateway.get("/metrics")
    return Metered(
        requests=_total(page, r'^torouter_requests_total\{[^}]*status="200"[^}]*\} (\S+)$'),
        tokens=_total(page, r"^torouter_tokens_total\{[^}]*\} (\S+)$"),
    )


def prove(number: int, data: Path, loads: Iterable[Measurement], metered: Metered) -> Proof:
    """After the gateway has ended: each answer that the load received has its row. Raises `BenchError` where not."""
    loaded = sum(load.ended if load.ended is not None else load.count for load in loads if load.target == "torouter")
    proof = Proof(
        round=number,
        requests_loaded=loaded,
        requests_metered=metered.requests,
        usage_rows=_usage_rows(data),
        tokens=metered.tokens,
    )
    _expect(sum(proof.usage_rows.values()) >= loaded, f"there are fewer usage rows than answers: {proof}")
    _expect(proof.requests_metered >= loaded, f"the metrics count fewer requests than there were answers: {proof}")
    _expect(set(proof.usage_rows) == set(CHANNELS), f"not every channel was chosen: {proof}")
    _expect(proof.tokens > loaded, f"tokens were not counted: {proof}")
    return proof


def _usage_rows(data: Path) -> dict[str, int]:
    (store,) = data.glob("*.db")
    connection = sqlite3.connect(store)
    try:
        return dict(connection.execute("SELECT channel, count(*) FROM usage WHERE outcome = 'ok' GROUP BY channel"))
    finally:
        connection.close()


def _total(page: str, pattern: str) -> int:
    return int(sum(float(value) for value in re.findall(pattern, page, flags=re.MULTILINE)))


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise BenchError(f"this run does not count: {otherwise}")
