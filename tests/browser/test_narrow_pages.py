"""Every page on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import PHONE
from tests.browser.walks import PARTS, faults
from tests.live.gateway import Gateway


@pytest.mark.parametrize("part", PARTS)
def test_pages_are_good(browser: Browser, gateway: Gateway, axe: str, part: str) -> None:
    assert faults(browser, gateway, axe, size=PHONE, part=part) == []
