"""Kept turns: what is kept of one, what refers to it, and how its input is listed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from torouter.codecs.openai_responses.input_items import input_page
from torouter.codecs.openai_responses.kept import References, disclaim, document_of, references_of, response_of
from torouter.errors import RequestError

Json = dict[str, Any]

SEED = "0123456789abcdef00000001"
OURS = f"resp_{SEED}"


def refers(body: bytes, limit_bytes: int = 1_000_000) -> References | None:
    return references_of(body, limit_bytes)


def message(text: str, place: int = 0) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": f"msg_{SEED}_{place}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def response(*output: Json, **fields: Any) -> Json:
    return {"id": OURS, "object": "response", "status": "completed", "store": True, "output": list(output), **fields}


def written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def last_events(told: Json) -> bytes:
    data = written({"type": "response.completed", "sequence_number": 9, "response": told})
    return b'event: response.output_item.done\ndata: {"type":"x"}\n\nevent: response.completed\ndata: %b\n\n' % data


DOCUMENT = written({"input": [{"role": "user", "content": "one"}], "response": response(message("two"))})


class TestDocument:
    @pytest.mark.parametrize("last", [written, last_events], ids=["whole", "streamed"])
    def test_of_an_answer(self, last: Any) -> None:
        body = b'{"model":"m", "input":"hi", "stream":true}'
        found = document_of(body, last(response(message("two"))))
        assert found is not None
        assert found[0] == OURS
        assert json.loads(found[1]) == {
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
            "response": response(message("two")),
        }
        assert response_of(found[1]) == written(response(message("two")))

    def test_items_are_kept_as_they_came(self) -> None:
        body = b'{"input":[ {"role": "user" , "content":"\\ud83d"}, {"n":1.0}]}'
        found = document_of(body, written(response()))
        assert found is not None
        assert b'"input":[ {"role": "user" , "content":"\\ud83d"}, {"n":1.0}]' in found[1]

    @pytest.mark.parametrize("status", ["failed", "in_progress", "cancelled"])
    def test_not_of_one_that_failed(self, status: str) -> None:
        assert document_of(b'{"input":"hi"}', last_events(response(status=status))) is None

    def test_of_one_that_a_limit_cut(self) -> None:
        assert document_of(b'{"input":"hi"}', last_events(response(status="incomplete"))) is not None

    def test_what_could_not_be_kept_says_so(self) -> None:
        tools = [{"type": "function", "name": "f", "parameters": {"default": {"store": True}}}]
        told = response(message('"store":true'), tools=tools)
        assert json.loads(disclaim(written(told))) == {**told, "store": False}
        assert disclaim(last_events(told)) == last_events({**told, "store": False})


class TestReferences:
    @pytest.mark.parametrize(
        "body",
        [
            {"input": "hi"},
            {"input": "hi", "previous_response_id": None},
            {"input": 'the words "previous_response_id" and "item_reference"'},
            {"input": [{"role": "user", "content": '"item_reference"'}]},
            {"input": [{"type": "item_reference", "id": 7}, "item_reference"]},
            {"input": 5, "x": "item_reference"},
        ],
    )
    def test_a_request_that_refers_to_nothing(self, body: Json) -> None:
        assert refers(written(body)) is None

    @pytest.mark.parametrize("number", [b"1e400", b"9" * 5000])
    @pytest.mark.parametrize("name", [b"type", b"id"])
    def test_a_number_that_is_too_large_is_for_others_to_refuse(self, name: bytes, number: bytes) -> None:
        reference = b'{"type":"item_reference","id":"msg_%b_0"}' % SEED.encode()
        references = refers(b'{"input":[{"%b":%b},%b]}' % (name, number, reference))
        assert references is not None
        assert references.wanted == (OURS,)

    def test_a_previous_response(self) -> None:
        references = refers(written({"input": "three", "previous_response_id": OURS, "x": 1}))
        assert references is not None
        assert references.wanted == (OURS,)
        references.learn(OURS, DOCUMENT)
        resolved = references.resolved()
        assert (resolved.previous, resolved.missing) == (OURS, None)
        body = json.loads(resolved.body)
        assert set(body) == {"input", "x"}
        assert body["input"][0] == {"role": "user", "content": "one"}
        assert [item["role"] for item in body["input"]] == ["user", "assistant", "user"]

    @pytest.mark.parametrize("other", ["resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", "", "../x", OURS + "0"])
    def test_an_id_of_somebody_else_is_not_looked_up(self, other: str) -> None:
        body = written({"input": "x", "previous_response_id": other})
        references = refers(body)
        assert references is not None
        assert references.wanted == ()
        resolved = references.resolved()
        assert (resolved.body, resolved.previous, resolved.missing) == (body, other, "previous_response_id")

    def test_one_of_ours_that_is_gone_stays_in_the_body(self) -> None:
        body = written({"input": "x", "previous_response_id": OURS})
        references = refers(body)
        assert references is not None
        assert references.wanted == (OURS,)
        assert references.resolved().missing == "previous_response_id"
        assert references.resolved().body == body

    def test_items(self) -> None:
        reference = {"type": "item_reference", "id": f"msg_{SEED}_0"}
        unknown = {"type": "item_reference", "id": "msg_of_theirs"}
        references = refers(written({"input": ["a", reference, reference, {"b": 1}]}))
        assert references is not None
        assert references.wanted == (OURS,)
        references.learn(OURS, DOCUMENT)
        resolved = references.resolved()
        assert resolved.missing is None
        assert json.loads(resolved.body)["input"] == ["a", message("two"), message("two"), {"b": 1}]
        references = refers(written({"input": [reference, unknown]}))
        assert references is not None
        references.learn(OURS, DOCUMENT)
        resolved = references.resolved()
        assert (json.loads(resolved.body)["input"], resolved.missing) == ([message("two"), unknown], "input.1")

    def test_a_large_item_that_is_named_again_and_again(self) -> None:
        """Forty bytes of request for each copy: what would come of it is not made."""
        reference = {"type": "item_reference", "id": f"msg_{SEED}_0"}
        references = refers(written({"input": [reference] * 20_000}), 64 * 1024 * 1024)
        assert references is not None
        with pytest.raises(RequestError) as caught:
            references.learn(OURS, written({"input": [], "response": response(message("x" * 1_000_000))}))
        assert (caught.value.status, caught.value.code) == (413, "request_too_large")

    def test_many_references_cost_what_they_cost_once(self) -> None:
        """20 000 references and a response of 2000 items: the ones are not searched for each of the others."""
        named = [{"type": "item_reference", "id": f"msg_{SEED}_{n}"} for n in range(20_000)]
        references = refers(written({"input": named}), 64 * 1024 * 1024)
        assert references is not None
        document = written({"input": [], "response": response(*(message("x", -n) for n in range(2000)))})
        began_s = time.process_time()
        references.learn(OURS, document)
        assert time.process_time() - began_s < 0.3

    def test_items_and_a_previous_response(self) -> None:
        reference = {"type": "item_reference", "id": f"msg_{SEED}_0"}
        references = refers(written({"input": [reference, "x"], "previous_response_id": OURS}))
        assert references is not None
        assert references.wanted == (OURS,)
        references.learn(OURS, DOCUMENT)
        said = json.loads(references.resolved().body)["input"]
        assert said == [{"role": "user", "content": "one"}, message("two"), message("two"), "x"]

    def test_a_summary_without_state_is_not_said_again(self) -> None:
        """Another vendor's reasoning, as it was shown here: no upstream takes it, and OpenAI would not know its id."""
        shown = {"id": f"rs_{SEED}_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
        sealed = {**shown, "id": f"rs_{SEED}_1", "encrypted_content": "seal"}
        document = written({"input": [], "response": response(shown, sealed, message("two", 2))})
        references = refers(written({"input": "three", "previous_response_id": OURS}))
        assert references is not None
        references.learn(OURS, document)
        assert json.loads(references.resolved().body)["input"][:2] == [sealed, message("two", 2)]
        named = [{"type": "item_reference", "id": each["id"]} for each in (shown, sealed)]
        references = refers(written({"input": [*named, "three"]}))
        assert references is not None
        references.learn(OURS, document)
        resolved = references.resolved()
        assert (json.loads(resolved.body)["input"], resolved.missing) == ([sealed, "three"], None)

    def test_there_are_only_so_many(self) -> None:
        items = [{"type": "item_reference", "id": f"msg_{n:024x}_0"} for n in range(1001)]
        with pytest.raises(RequestError) as caught:
            refers(written({"input": items}))
        assert caught.value.param == "input"
        assert refers(written({"input": items[:1000]})) is not None

    def test_a_small_request_may_not_grow_without_bounds(self) -> None:
        reference = {"type": "item_reference", "id": f"msg_{SEED}_0"}
        size = len(written(message("two")))
        for body in ({"input": [reference] * 100}, {"input": "x", "previous_response_id": OURS}):
            text = written(body)
            growth = 100 * size if "previous_response_id" not in body else len(DOCUMENT)
            fits = refers(text, len(text) + growth)
            assert fits is not None
            fits.learn(OURS, DOCUMENT)
            tight = refers(text, len(text) + size - 1)
            assert tight is not None
            with pytest.raises(RequestError) as caught:
                tight.learn(OURS, DOCUMENT)
            assert (caught.value.status, caught.value.code) == (413, "request_too_large")

    def test_only_so_much_is_read_for_it(self) -> None:
        items = [{"type": "item_reference", "id": f"msg_{n:024x}_0"} for n in range(10)]
        references = refers(written({"input": items}), len(DOCUMENT))
        assert references is not None
        for kept_id in references.wanted[:4]:
            references.learn(kept_id, DOCUMENT)
        with pytest.raises(RequestError) as caught:
            references.learn(references.wanted[4], DOCUMENT)
        assert caught.value.status == 413

    @pytest.mark.parametrize("value", [5, [], {"id": "x"}, True])
    def test_an_id_is_a_string(self, value: object) -> None:
        with pytest.raises(RequestError) as caught:
            refers(written({"input": "x", "previous_response_id": value}))
        assert caught.value.param == "previous_response_id"


class TestInputItems:
    ITEMS = (
        {"role": "user", "content": "a"},
        {"type": "message", "role": "assistant", "content": "b"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "c"}], "id": "msg_own"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "status": "incomplete"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"type": "reasoning", "summary": []},
        {"type": "hologram", "x": 1.0},
    )

    def page(self, **options: Any) -> Json:
        document = written({"input": self.ITEMS, "response": response()})
        told = {"limit": 20, "is_ascending": True, "after": None, **options}
        return dict(json.loads(input_page(OURS, document, **told)))

    def test_items_have_what_the_api_gives_them(self) -> None:
        first, said, own, call, output, reasoning, unknown = self.page()["data"]
        part = {"type": "input_text", "text": "a"}
        assert first == {
            "type": "message", "id": f"msg_{SEED}_in0", "role": "user", "content": [part], "status": "completed",
        }  # fmt: skip
        assert said["content"] == [{"type": "output_text", "text": "b", "annotations": []}]
        assert own == {**self.ITEMS[2], "status": "completed"}
        assert (call["id"], call["status"]) == (f"fc_{SEED}_in3", "incomplete")
        assert (output["id"], output["status"]) == (f"fco_{SEED}_in4", "completed")
        assert reasoning == {"type": "reasoning", "id": f"rs_{SEED}_in5", "summary": []}
        assert unknown == {"type": "hologram", "id": f"item_{SEED}_in6", "x": 1.0}

    def test_pages(self) -> None:
        whole = self.page()
        ids = [item["id"] for item in whole["data"]]
        assert (whole["object"], whole["has_more"], whole["first_id"], whole["last_id"]) == (
            *("list", False),
            *(ids[0], ids[-1]),
        )
        page = self.page(limit=3, after=ids[1])
        assert [item["id"] for item in page["data"]] == ids[2:5]
        assert page["has_more"]
        page = self.page(limit=3, is_ascending=False, after=ids[2])
        assert ([item["id"] for item in page["data"]], page["has_more"]) == ([ids[1], ids[0]], False)
        page = self.page(after=ids[-1])
        assert (page["data"], page["first_id"], page["last_id"], page["has_more"]) == ([], None, None, False)

    def test_an_after_that_is_not_there(self) -> None:
        with pytest.raises(RequestError) as caught:
            self.page(after="msg_x")
        assert caught.value.param == "after"
