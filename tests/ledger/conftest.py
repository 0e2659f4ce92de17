"""The price list of the installed genai-prices, compiled once for all tests, as a gateway does at its first start."""

from __future__ import annotations

import pytest

from torouter.ledger.catalog import open_catalogue
from torouter.ledger.listed import Catalogue


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return open_catalogue(tmp_path_factory.mktemp("prices"))
