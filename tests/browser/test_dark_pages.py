"""Every page in the dark theme."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.walks import PARTS, SIZES, faults
from tests.live.gateway import Gateway


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("size", SIZES)
def test_pages_are_good(browser: Browser, gateway: Gateway, axe: str, size: str, part: str) -> None:
    assert faults(browser, gateway, axe, theme="dark", size=size, part=part) == []
