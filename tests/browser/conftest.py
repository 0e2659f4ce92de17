from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.bench import Scripted, scripted_gateway
from tests.browser.chromium import SCREEN, chromium
from tests.browser.household import CHANNELS, CROWD, crowd, furnish, session_token
from tests.live.gateway import Gateway
from tests.live.node.packages import install


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The built-in demo answers; the first account signs in, and has keys and weeks of use."""
    running = Gateway(tmp_path_factory.mktemp("portal"), channels=CHANNELS)
    with running:
        furnish(running)
        yield running


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The same with hundreds of models and keys."""
    running = Gateway(tmp_path_factory.mktemp("crowded"), channels=CROWD)
    with running:
        furnish(running)
        crowd(running)
        yield running


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config) -> str:
    folder = install(Path(__file__).with_name("node"), name="browser", say=print)
    return folder.joinpath("node_modules/axe-core/axe.min.js").read_text("utf-8")


@pytest.fixture
def context(browser: Browser, gateway: Gateway) -> Iterator[BrowserContext]:
    yield from opened(browser, gateway)


@pytest.fixture
def page(context: BrowserContext, gateway: Gateway) -> Page:
    """Signed in."""
    sign_in(context, gateway)
    return watched(context.new_page())


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    with scripted_gateway(tmp_path_factory.mktemp("scripted")) as scripted:
        yield scripted


@pytest.fixture
def bench(browser: Browser, scripted: Scripted) -> Iterator[Page]:
    """The playground over the scripted upstream."""
    for context in opened(browser, scripted.gateway):
        sign_in(context, scripted.gateway)
        page = watched(context.new_page())
        page.goto("/playground")
        yield page


@pytest.fixture
def desk(page: Page) -> Page:
    """The playground over the demo."""
    page.goto("/playground")
    return page


def opened(browser: Browser, gateway: Gateway, **options: Any) -> Iterator[BrowserContext]:
    """Asks nobody but the gateway."""
    context = browser.new_context(base_url=gateway.url, **{"viewport": SCREEN, "locale": "en-US"} | options)
    context.set_default_timeout(20_000)
    strangers: list[str] = []
    context.on("request", lambda request: strangers.append(request.url) if _is_strange(request.url, gateway) else None)
    yield context
    context.close()
    assert not strangers, "a page asked another host"


def _is_strange(url: str, gateway: Gateway) -> bool:
    return not url.startswith((gateway.url, "data:", "about:", "blob:"))


def sign_in(context: BrowserContext, gateway: Gateway) -> None:
    cookie = {"name": "torouter_session", "value": session_token(gateway), "url": gateway.url}
    context.add_cookies([cookie])  # type: ignore[list-item]


def watched(page: Page) -> Page:
    """Whatever a script or the policy has to complain of is an error; an answer's status is the test's own matter."""
    page.on("pageerror", lambda error: pytest.fail(f"{page.url}: {error}"))
    page.on("console", lambda message: _complain(page, message.type, message.text))
    return page


def _complain(page: Page, kind: str, text: str) -> None:
    if kind in ("error", "warning") and "Failed to load resource" not in text:
        pytest.fail(f"{page.url}: {text}")
