"""The upstream, the gateways and the names of models that the live tests share.

One upstream and one gateway serve the whole session; a test takes a `Slot` (a model name of its own dialect that
nobody else uses at the time) and scripts it. Faults that may cool a channel down are tried on a gateway of their own
(`launch`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest

from tests.live.crossing import crossing_channels
from tests.live.gateway import Gateway
from tests.live.slots import DIALECTS, Slot, channels_to, recorded_models, slot_models
from tests.live.upstream import Answer, Upstream
from tests.servers.redis import _one_redis, redis_server

__all__ = ["Launch", "TakeSlot", "_one_redis", "redis_server"]

TakeSlot = Callable[..., Slot]
Launch = Callable[..., Gateway]


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway that most tests share: four native channels to the one upstream."""
    models = {dialect: recorded_models(dialect) | slot_models(dialect) for dialect in DIALECTS}
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, channels=channels_to(upstream, models)) as running:
        yield running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that was told nothing at all, and found nothing."""
    with Gateway(tmp_path_factory.mktemp("demo"), is_bare=True) as running:
        yield running


@pytest.fixture(scope="session")
def crossing(demo: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Every pair of dialects: see `tests.live.crossing`."""
    with Gateway(tmp_path_factory.mktemp("cells"), channels=crossing_channels(demo)) as running:
        yield running


@pytest.fixture(scope="session")
def _slots(upstream: Upstream) -> dict[str, Iterator[Slot]]:
    return {
        dialect: cycle([Slot(model, theirs, upstream) for model, theirs in slot_models(dialect).items()])
        for dialect in DIALECTS
    }


@pytest.fixture
def take(_slots: dict[str, Iterator[Slot]]) -> TakeSlot:
    """`take("anthropic", answer, …)`: a model of the shared gateway, scripted."""

    def taken(dialect: str, *answers: Answer) -> Slot:
        return next(_slots[dialect]).script(*answers)

    return taken


@pytest.fixture
def launch(tmp_path: Path, upstream: Upstream) -> Iterator[Launch]:
    """`launch(models={"openai-chat": {...}}, server={...})` starts a gateway for one test; it must leave cleanly."""
    numbers = count(1)
    running: list[Gateway] = []

    def launched(models: Mapping[str, Mapping[str, str]] | None = None, **options: Any) -> Gateway:
        channels = options.pop("channels", None) or channels_to(upstream, models or {})
        started = Gateway(tmp_path / f"gateway-{next(numbers)}", channels=channels, **options)
        started.start()
        running.append(started)
        return started

    yield launched
    for started in running:
        code = started.stop()
        assert code == 0, f"the gateway exited with {code}\n{started.log_text()}"
        started.assert_clean_log()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the end of its gateways' logs."""
    report = yield
    if report.failed:
        for name, told in getattr(item, "funcargs", {}).items():
            if isinstance(told, Gateway):
                report.sections.append((f"log of {name}", told.log_text()))
    return report
