"""Responses that the gateway keeps: OpenAI's own client over upstreams that keep nothing, and over one that does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response

from tests.house.project import code_blocks
from tests.live.conftest import Launch
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import Slot, channels_to, slot_models
from tests.live.upstream import Upstream, json_answer, recorded_answer, sse_answer
from tests.live.voices import VOICES, faults_of
from tests.live.websocket import opened
from tests.live.wire import Connection
from tests.servers.redis import running_redis

FOREIGN = sorted(VOICES)
TOOL: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
KEPT = {"keep": True}


@pytest.fixture(scope="module")
def keeping(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Two workers: what one keeps, the other finds."""
    models = {dialect: slot_models(f"{dialect}-kept") for dialect in FOREIGN}
    folder = tmp_path_factory.mktemp("keeping")
    channels = channels_to(upstream, models)
    with (
        running_redis() as redis,
        Gateway(folder, channels=channels, responses=KEPT, workers=2, redis={"url": redis.url}) as running,
    ):
        yield running


@pytest.fixture
def client(keeping: Gateway) -> Iterator[OpenAI]:
    with openai_of(keeping) as opened:
        yield opened


def openai_of(gateway: Gateway, key: str = FIRST_KEY) -> OpenAI:
    return OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)


def slot_of(upstream: Upstream, dialect: str, number: int = 0) -> Slot:
    model, theirs = list(slot_models(f"{dialect}-kept").items())[number]
    return Slot(model, theirs, upstream)


def asked(slot: Slot) -> list[dict[str, Any]]:
    return [json.loads(visit.body) for visit in slot.visits]


def make(client: OpenAI, slot: Slot, *, stream: bool, **more: Any) -> Response:
    if not stream:
        return client.responses.create(model=slot.model, **more)
    with client.responses.stream(model=slot.model, **more) as events:
        return events.get_final_response()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", FOREIGN)
def test_a_conversation_of_three_turns(client: OpenAI, upstream: Upstream, dialect: str, stream: bool) -> None:
    voice = VOICES[dialect]
    slot = slot_of(upstream, dialect).script(
        voice.call("weather", {"city": "Oslo"}, stream=stream),
        voice.text("It rains.", stream=stream),
        voice.text("Bye.", stream=stream),
    )
    first = make(client, slot, stream=stream, input="Weather in Oslo?", instructions="Be brief.", tools=[TOOL])
    [call] = first.output
    assert call.type == "function_call"
    assert first.store is True
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
    second = make(client, slot, stream=stream, input=[output], previous_response_id=first.id, tools=[TOOL])
    assert second.output_text == "It rains."
    assert second.previous_response_id == first.id
    third = make(client, slot, stream=stream, input="Thanks", previous_response_id=second.id)
    assert (third.output_text, third.store) == ("Bye.", True)
    bodies = asked(slot)
    assert [faults_of[dialect](body) for body in bodies] == [[], [], []]
    last = json.dumps(bodies[2].get("messages") or bodies[2]["contents"])
    places = [last.index(word) for word in ("Weather in Oslo?", "weather", "rain", "It rains.", "Thanks")]
    assert places == sorted(places)
    assert "Be brief." in json.dumps(bodies[0])
    assert "Be brief." not in json.dumps(bodies[1:]), "instructions are not carried over"

    again = client.responses.retrieve(third.id)
    assert again.to_dict() == third.to_dict() if not stream else again.output_text == third.output_text
    items = list(client.responses.input_items.list(third.id, limit=2, order="asc"))
    assert [item.type for item in items] == ["message", "function_call", "function_call_output", "message", "message"]
    backwards = list(client.responses.input_items.list(third.id, limit=3))
    assert [item.id for item in backwards] == [item.id for item in reversed(items)]
    assert len({item.id for item in items}) == 5
    assert items[1].id == call.id
    page = client.responses.input_items.list(third.id, limit=2, order="asc", after=items[3].id or "")
    assert ([item.id for item in page.data], page.has_more) == ([items[4].id], False)


def test_retrieve_delete_and_then_404(client: OpenAI, upstream: Upstream) -> None:
    slot = slot_of(upstream, "anthropic").script(VOICES["anthropic"].text("yes"))
    made = client.responses.create(model=slot.model, input="hi", metadata={"a": "b"})
    assert client.responses.retrieve(made.id, include=["reasoning.encrypted_content"]).to_dict() == made.to_dict()
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.cancel(made.id)
    assert "background" in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        list(client.responses.retrieve(made.id, stream=True))
    assert caught.value.param == "stream"
    client.responses.delete(made.id)
    for call in (
        lambda: client.responses.retrieve(made.id),
        lambda: client.responses.delete(made.id),
        lambda: client.responses.input_items.list(made.id),
        lambda: client.responses.cancel(made.id),
    ):
        with pytest.raises(openai.NotFoundError) as gone:
            call()
        assert made.id in gone.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=slot.model, input="hi", previous_response_id=made.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")
    assert made.id in caught.value.message
    assert len(slot.visits) == 1


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=x", "after")],
)
def test_pages_that_make_no_sense(client: OpenAI, upstream: Upstream, query: str, param: str) -> None:
    slot = slot_of(upstream, "gemini").script(VOICES["gemini"].text("yes"))
    made = client.responses.create(model=slot.model, input="hi")
    name, value = query.split("=")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.input_items.list(made.id, extra_query={name: value})
    assert caught.value.param == param


def test_the_raw_answers(client: OpenAI, keeping: Gateway, upstream: Upstream) -> None:
    """Methods, mounts, credentials and origins, and the words of a deletion."""
    slot = slot_of(upstream, "openai-chat").script(VOICES["openai-chat"].text("yes"))
    made = client.responses.create(model=slot.model, input="hi")
    key = ("authorization", f"Bearer {FIRST_KEY}")
    path = f"/api/v1/responses/{made.id}"
    with Connection(keeping.port) as connection:
        reply = connection.ask("GET", path, [key, ("origin", "https://a.test")])
        assert (reply.status, reply.header("access-control-allow-origin")) == (200, "*")
        assert reply.json()["id"] == made.id
        assert connection.ask("GET", path).status == 401
        for method, below, allowed in (
            ("PUT", "", "GET, DELETE, OPTIONS"),
            ("POST", "/input_items", "GET, OPTIONS"),
            ("GET", "/cancel", "POST, OPTIONS"),
        ):
            reply = connection.ask(method, path + below, [key])
            assert (reply.status, reply.header("allow")) == (405, allowed)
        preflight = connection.ask(
            "OPTIONS", path, [("origin", "https://a.test"), ("access-control-request-method", "DELETE")]
        )
        assert "DELETE" in (preflight.header("access-control-allow-methods") or "")
        assert connection.ask("GET", path + "/other", [key]).status == 404
        reply = connection.ask("DELETE", path, [key])
        assert reply.json() == {"id": made.id, "object": "response", "deleted": True}


def test_every_worker_finds_it(client: OpenAI, keeping: Gateway, upstream: Upstream) -> None:
    """Request ids begin with what is their process' own."""
    slot = slot_of(upstream, "openai-chat").script(VOICES["openai-chat"].text("yes"))
    made = client.responses.create(model=slot.model, input="hi")
    workers: set[str] = set()
    deadline = time.monotonic() + 30
    while len(workers) < 2:
        assert time.monotonic() < deadline, f"only {workers} answered"
        with Connection(keeping.port) as connection:
            reply = connection.ask("GET", f"/v1/responses/{made.id}", [("authorization", f"Bearer {FIRST_KEY}")])
        assert reply.status == 200
        workers.add((reply.header("x-request-id") or "")[:20])


def test_another_accounts_key_sees_nothing(client: OpenAI, keeping: Gateway, upstream: Upstream) -> None:
    slot = slot_of(upstream, "openai-chat").script(VOICES["openai-chat"].text("yes"))
    made = client.responses.create(model=slot.model, input="hi")
    sibling = keeping.run("key", "create", "--name", "sibling").split()[-1]
    stranger = stranger_key(keeping)
    with openai_of(keeping, sibling) as other:
        wait_for_key(other)
        assert other.responses.retrieve(made.id).id == made.id
    with openai_of(keeping, stranger) as other:
        wait_for_key(other)
        with pytest.raises(openai.NotFoundError):
            other.responses.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            other.responses.delete(made.id)
        with pytest.raises(openai.BadRequestError) as caught:
            other.responses.create(model=slot.model, input="hi", previous_response_id=made.id)
        assert caught.value.code == "previous_response_not_found"
    assert client.responses.retrieve(made.id).id == made.id


def stranger_key(gateway: Gateway) -> str:
    """A key of another account's: there is no command that makes accounts yet."""
    from torouter.accounts import add_key
    from torouter.store import Store
    from torouter.units import new_api_key

    key = new_api_key()
    with Store.open(gateway.data) as store:
        account = store.create_account("b@example.com", "B", "user", "unlimited")
        add_key(store, (gateway.data / "secret").read_bytes(), key, account_id=account.id, name="b")
    return key


def wait_for_key(client: OpenAI) -> None:
    """Each worker follows a change of keys within a second."""
    deadline, known = time.monotonic() + 10, 0
    while known < 20:
        try:
            client.models.list()
            known += 1
        except openai.AuthenticationError:
            known = 0
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_store_false_keeps_nothing(client: OpenAI, upstream: Upstream, stream: bool) -> None:
    slot = slot_of(upstream, "anthropic").script(VOICES["anthropic"].text("yes", stream=stream))
    made = make(client, slot, stream=stream, input="hi", store=False)
    assert made.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_store_true_is_no_loss_and_every_copy_says_so(client: OpenAI, upstream: Upstream) -> None:
    slot = slot_of(upstream, "anthropic").script(VOICES["anthropic"].text("yes", stream=True))
    raw = client.responses.with_raw_response.create(model=slot.model, input="hi", store=True, stream=True)
    assert "store" not in raw.headers.get("x-torouter-losses", "")
    copies = [event.response.store for event in raw.parse() if hasattr(event, "response")]
    assert copies == [True, True, True]


def test_a_failed_answer_is_not_kept_and_says_so(client: OpenAI, upstream: Upstream) -> None:
    begun = [*VOICES["anthropic"].text("yes", stream=True).bodies()][:3]
    slot = slot_of(upstream, "anthropic").script(sse_answer(*begun))
    events = list(client.responses.create(model=slot.model, input="hi", stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(events[-1].response.id)


def test_an_upstream_that_stays_after_its_end_delays_nobody(client: OpenAI, upstream: Upstream) -> None:
    """The last event waits for the store, not for the upstream's connection."""
    answer = VOICES["anthropic"].text("yes", stream=True)
    slot = slot_of(upstream, "anthropic").script(sse_answer(*answer.bodies(), ending="stall"))
    with client.responses.create(model=slot.model, input="hi", stream=True) as events:
        last = next(event for event in events if event.type == "response.completed")
        assert client.responses.retrieve(last.response.id).output_text == "yes"


def test_items_may_be_referred_to(client: OpenAI, upstream: Upstream) -> None:
    """As the AI SDK does: what was answered is named by its id and not said again."""
    voice = VOICES["anthropic"]
    slot = slot_of(upstream, "anthropic").script(voice.call("weather", {"city": "Oslo"}), voice.text("It rains."))
    first = client.responses.create(model=slot.model, input="Weather in Oslo?", tools=[TOOL])
    [call] = first.output
    history: Any = [
        {"role": "user", "content": "Weather in Oslo?"},
        {"type": "item_reference", "id": call.id},
        {"type": "function_call_output", "call_id": "call_weather", "output": "rain"},
    ]
    assert client.responses.create(model=slot.model, input=history, tools=[TOOL]).output_text == "It rains."
    said = asked(slot)[1]["messages"][1]["content"]
    assert said == [{"type": "tool_use", "id": "call_weather", "name": "weather", "input": {"city": "Oslo"}}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(
            model=slot.model, input=[*history, {"type": "item_reference", "id": "msg_" + "0" * 24 + "_0"}]
        )
    assert caught.value.param == "input.3"


def test_what_was_kept_may_go_on_at_a_native_upstream(launch: Launch, upstream: Upstream) -> None:
    foreign = slot_of(upstream, "gemini", 6).script(VOICES["gemini"].text("yes"))
    native = slot_of(upstream, "openai-responses", 6).script(json_answer(native_response("resp_theirs")))
    models = {"gemini": foreign, "openai-responses": native}
    gateway = launch({dialect: {slot.model: slot.upstream_model} for dialect, slot in models.items()}, responses=KEPT)
    with openai_of(gateway) as client:
        first = client.responses.create(model=foreign.model, input="one")
        client.responses.create(model=native.model, input="two", previous_response_id=first.id)
    [body] = asked(native)
    assert "previous_response_id" not in body
    assert faults_of["openai-responses"](body) == []
    assert [item["role"] for item in body["input"]] == ["user", "assistant", "user"]


# Upstreams that keep their answers themselves.


def native_response(response_id: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": "theirs", "annotations": []}
    message = {"id": "msg_t", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": response_id, "object": "response", "created_at": 1, "status": "completed", "model": "up", "store": True,
        "output": [message], "tools": [], "tool_choice": "auto", "parallel_tool_calls": True,
    }  # fmt: skip


@pytest.mark.parametrize("is_on", [False, True], ids=["off", "on"])
def test_a_native_upstream_keeps_its_own(launch: Launch, upstream: Upstream, is_on: bool) -> None:
    slot = slot_of(upstream, "openai-responses", 1).script(json_answer(native_response("resp_theirs")))
    gateway = launch({"openai-responses": {slot.model: slot.upstream_model}}, responses={"keep": is_on})
    body = b'{"model":"%b", "input":"hi" ,"previous_response_id":"resp_older"}' % slot.model.encode()
    headers = [("authorization", f"Bearer {FIRST_KEY}"), ("content-type", "application/json")]
    with Connection(gateway.port) as connection:
        reply = connection.ask("POST", "/v1/responses", headers, body)
    assert reply.json() == native_response("resp_theirs")
    assert slot.visit.body == body.replace(slot.model.encode(), slot.upstream_model.encode())

    upstream.script("resp_theirs", json_answer(native_response("resp_theirs")))
    with openai_of(gateway) as client:
        assert client.responses.retrieve("resp_theirs", include=["reasoning.encrypted_content"]).output_text == "theirs"
        client.responses.delete("resp_theirs")
        [read, deleted] = upstream.visits("resp_theirs")
        assert (read.method, deleted.method) == ("GET", "DELETE")
        assert read.target.startswith("/v1/responses/resp_theirs?include")
        assert read.header("authorization") == "Bearer the-upstreams-own-key"
        upstream.script("cancel", json_answer(native_response("resp_theirs")))
        assert client.responses.cancel("resp_theirs").id == "resp_theirs"
        assert upstream.visit("cancel").target == "/v1/responses/resp_theirs/cancel"
        missing = {"error": {"message": "not here", "type": "invalid_request_error", "param": None, "code": None}}
        upstream.script("resp_nobodys", json_answer(missing, status=404))
        with pytest.raises(openai.NotFoundError, match="resp_nobodys"):
            client.responses.retrieve("resp_nobodys")
        upstream.script("resp_broken", json_answer(missing, status=500))
        with pytest.raises(openai.APIStatusError) as caught:
            client.responses.retrieve("resp_broken")
        assert caught.value.status_code == 502


def test_an_unknown_id_goes_to_the_upstreams_that_may_know_it(launch: Launch, upstream: Upstream) -> None:
    """A model with one channel of each sort: what is not kept here is asked for where answers are kept, and only there;
    and another account's answer is looked for at the next one."""
    foreign = slot_of(upstream, "openai-chat", 2).script(VOICES["openai-chat"].text("yes"))
    unknown = {"error": {"message": "no", "type": "invalid_request_error", "code": "previous_response_not_found"}}
    first = slot_of(upstream, "openai-responses", 2).script(json_answer(unknown, status=400))
    second = slot_of(upstream, "openai-responses", 3).script(json_answer(native_response("resp_theirs")))
    models = {"openai-chat": foreign, "openai-responses": first}
    channels = channels_to(upstream, {dialect: {"m": slot.upstream_model} for dialect, slot in models.items()})
    channels += channels_to(upstream, {"openai-responses": {"m": second.upstream_model}})
    for number, channel in enumerate(channels):
        channel |= {"name": f"c{number}", "priority": number}
    gateway = launch(channels=channels, responses=KEPT)
    with openai_of(gateway) as client:
        answer = client.responses.create(model="m", input="hi", previous_response_id="resp_elsewhere")
        assert answer.output_text == "theirs"
        assert (len(foreign.visits), len(first.visits), len(second.visits)) == (0, 1, 1)
        second.script(json_answer(unknown, status=400))
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model="m", input="hi", previous_response_id="resp_elsewhere")
        assert caught.value.code == "previous_response_not_found"


# The operator's settings.


def test_while_it_is_off_nothing_is_kept_and_the_setting_is_named(launch: Launch, upstream: Upstream) -> None:
    slot = slot_of(upstream, "anthropic", 1).script(VOICES["anthropic"].text("yes"))
    gateway = launch({"anthropic": {slot.model: slot.upstream_model}})
    with openai_of(gateway) as client:
        made = client.responses.with_raw_response.create(model=slot.model, input="hi", store=True)
        assert made.parse().store is False
        assert "store;dropped" in made.headers["x-torouter-losses"].split(", ")
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(made.parse().id)
        for told, path in (
            ({"previous_response_id": made.parse().id}, "previous_response_id"),
            ({"previous_response_id": "resp_of_somebody_else"}, "previous_response_id"),
            ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input.0"),
        ):
            with pytest.raises(openai.BadRequestError) as caught:
                client.responses.create(**{"model": slot.model, "input": "hi", **told})
            assert caught.value.param == path
            assert "`responses.keep`" in caught.value.message
        assert len(slot.visits) == 1


@pytest.mark.parametrize(("is_on", "option"), [(False, "--keep-responses"), (True, "--no-keep-responses")])
def test_a_key_says_otherwise(launch: Launch, upstream: Upstream, is_on: bool, option: str) -> None:
    slot = slot_of(upstream, "anthropic", 2).script(VOICES["anthropic"].text("yes"))
    gateway = launch({"anthropic": {slot.model: slot.upstream_model}}, responses={"keep": is_on})
    own = gateway.run("key", "create", option).split()[-1]
    with openai_of(gateway, own) as client:
        wait_for_key(client)
        made = client.responses.create(model=slot.model, input="hi")
        assert made.store is not is_on
        if is_on:
            with pytest.raises(openai.NotFoundError):
                client.responses.retrieve(made.id)
        else:
            assert client.responses.retrieve(made.id).output_text == "yes"


def test_it_outlives_a_restart(launch: Launch, upstream: Upstream) -> None:
    slot = slot_of(upstream, "gemini", 3).script(VOICES["gemini"].text("yes"))
    gateway = launch({"gemini": {slot.model: slot.upstream_model}}, responses=KEPT)
    with openai_of(gateway) as client:
        made = client.responses.create(model=slot.model, input="a secret word")
        assert gateway.stop() == 0
        assert b"a secret word" not in b"".join(path.read_bytes() for path in gateway.data.rglob("*") if path.is_file())
        gateway.start()
        assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
        client.responses.create(model=slot.model, input="more", previous_response_id=made.id)
    assert [turn["role"] for turn in asked(slot)[1]["contents"]] == ["user", "model", "user"]


def test_it_ends_with_its_time(launch: Launch, upstream: Upstream) -> None:
    slot = slot_of(upstream, "gemini", 4).script(VOICES["gemini"].text("yes"))
    gateway = launch({"gemini": {slot.model: slot.upstream_model}}, responses={"keep": True, "ttl_s": 1.5})
    with openai_of(gateway) as client:
        made = client.responses.create(model=slot.model, input="hi")
        assert client.responses.retrieve(made.id).id == made.id
        time.sleep(1.6)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(made.id)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_is_too_large_is_not_kept_and_says_so(launch: Launch, upstream: Upstream, stream: bool) -> None:
    slot = slot_of(upstream, "anthropic", 5).script(VOICES["anthropic"].text("yes", stream=stream))
    gateway = launch({"anthropic": {slot.model: slot.upstream_model}}, responses={"keep": True, "limit_mb": 1})
    with openai_of(gateway) as client:
        made = make(client, slot, stream=stream, input="x" * 1024 * 1024)
        assert (made.output_text, made.store) == ("yes", False)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(made.id)
        assert make(client, slot, stream=stream, input="x").store is True


def test_the_documents_example(launch: Launch, demo: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands in docs/responses.md, over an upstream that keeps nothing."""
    [example] = [text for language, text in code_blocks("docs/responses.md") if language == "python"]
    channel = {"kind": "openai", "base_url": f"{demo.url}/v1", "api_key": demo.key, "dialects": ["openai-chat"]}
    gateway = launch(channels=[{**channel, "models": {"claude-opus-4-7": "gpt-5"}}], responses=KEPT)
    example = example.replace("http://127.0.0.1:8000", gateway.url).replace("sk-...", gateway.key)
    named: dict[str, Any] = {}
    exec(compile(example, "docs/responses.md", "exec"), named)
    named["client"].close()
    answer, *items = capsys.readouterr().out.splitlines()
    assert "demo" in answer
    assert [line.split()[0] for line in items] == ["message"] * 3


def test_a_websocket_goes_on_from_what_was_posted(client: OpenAI, keeping: Gateway, upstream: Upstream) -> None:
    """And from that within the connection, as from any other turn."""
    slot = slot_of(upstream, "anthropic").script(recorded_answer("anthropic-messages/stream/003"))
    posted = make(client, slot, stream=True, input="What I said first.")
    with opened(keeping) as socket:
        second = socket.ask(model=slot.model, input="What I said second.", previous_response_id=posted.id)
        third = socket.ask(
            model=slot.model,
            input="What I said third.",
            previous_response_id=second["response"]["id"],
            store=False,
        )
        refused = socket.ask(model=slot.model, input="hm", previous_response_id=posted.id, store=False)
    assert (second["type"], third["type"]) == ("response.completed", "response.completed")
    said = json.dumps(asked(slot)[-1])
    places = [said.index(f"What I said {number}.") for number in ("first", "second", "third")]
    assert places == sorted(places)
    assert (refused["status"], refused["error"]["code"]) == (400, "previous_response_not_found")
    assert len(asked(slot)) == 3
