"""One gateway, one upstream of each dialect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.matrix.cells import MODELS, Stage
from tests.live.gateway import Gateway
from tests.live.slots import channels_to
from tests.live.upstream import Upstream


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    models = {dialect: {f"over-{dialect}": model} for dialect, model in MODELS.items()}
    with Upstream() as upstream:
        channels = channels_to(upstream, models)
        with Gateway(tmp_path_factory.mktemp("matrix"), channels=channels) as gateway:
            yield Stage(gateway, upstream)
