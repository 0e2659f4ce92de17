"""Conversations of fifty turns over a channel with three credentials, each with a prompt cache of its own: through the
gateway almost as much is read from the cache as without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.live.caching import AGENTS, Agent, CachingUpstream, cached_tokens
from tests.live.callers import bearer
from tests.live.gateway import Gateway
from tests.live.scripted import channel
from tests.servers.redis import RedisServer, running_redis

pytestmark = pytest.mark.alone

TURNS = 50
CREDENTIALS = [{"name": name, "api_key": f"key-{name}"} for name in "abc"]
MODEL = "agentic"
OTHERS = 2
"""Conversations that go on beside it, each a turn for each of its own."""
SHORT = 12
"""Conversations of one turn before it, which the credentials share out between them."""
LEAST = 0.95

EACH_AGENT = pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)


@pytest.fixture
def caching() -> Iterator[CachingUpstream]:
    with CachingUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def _channels(caching: CachingUpstream) -> list[dict[str, object]]:
    models = {MODEL: f"up.{MODEL}"}
    return [
        channel(f"caching-{dialect}", dialect, caching.origin, models, credentials=CREDENTIALS)
        for dialect in ("openai-chat", "openai-responses", "anthropic")
    ]


def _direct(agent: Agent, caching: CachingUpstream) -> int:
    key = bearer("direct")
    port = caching.port
    told = [agent.ask(port, key, f"up.{MODEL}", "task-direct", turn) for turn in range(TURNS)]
    return sum(map(cached_tokens, told))


def _through(agent: Agent, gateway: Gateway) -> int:
    """With the turns of other conversations between its own, which tell no name and share its instructions."""
    others = Agent(name="other", dialect=agent.dialect)
    for number in range(SHORT):
        others.ask(gateway.port, bearer(gateway.key), MODEL, f"task-short-{number}", 0)
    total = 0
    for turn in range(TURNS):
        told = agent.ask(gateway.port, bearer(gateway.key), MODEL, "task-own", turn)
        total += cached_tokens(told)
        for number in range(OTHERS):
            others.ask(gateway.port, bearer(gateway.key), MODEL, f"task-{number}", turn // 8)
    return total


@EACH_AGENT
def test_a_conversation_stays_with_its_cache(
    agent: Agent, caching: CachingUpstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    direct = _direct(agent, caching)
    with Gateway(tmp_path_factory.mktemp("affinity"), channels=_channels(caching)) as gateway:
        assert _through(agent, gateway) >= LEAST * direct
    assert len(set(caching.served["task-own"])) == 1
    assert len({caching.served[f"task-short-{number}"][0] for number in range(SHORT)}) > 1, (
        "all are with one credential"
    )


@pytest.mark.parametrize("agent", AGENTS[1:3], ids=lambda agent: agent.name)
def test_with_two_workers(
    agent: Agent, caching: CachingUpstream, own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each request comes on a connection of its own, so any of the workers may take it."""
    direct = _direct(agent, caching)
    folder = tmp_path_factory.mktemp("affinity")
    with Gateway(folder, channels=_channels(caching), workers=2, redis={"url": own_redis.url}) as gateway:
        through = _through(agent, gateway)
    served = Counter(caching.served["task-own"])
    assert through >= LEAST * direct, f"{through / direct:.1%} of {direct}, by {dict(served)}"
