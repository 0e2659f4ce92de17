"""A request by its id: on which paths, with which credential, to whom."""

from __future__ import annotations

import pytest
from msgspec import Struct

from tests.relay.stage import Answer, Stage, stage
from torouter.surfaces.requests import parse_request


class Row(Struct, frozen=True):
    id: str
    account: int


class Rows:
    """Account 1 has `req_1`."""

    async def find(self, account_id: int, request_id: str) -> Row | None:
        return Row(request_id, account_id) if (account_id, request_id) == (1, "req_1") else None


async def get(it: Stage, path: str, *lines: str, method: str = "GET") -> Answer:
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "host: h", "connection: close", *lines, "", ""])
    return await it.raw(head.encode())


@pytest.mark.parametrize("path", [b"/v1/requests/req_1", b"/api/v1/requests/req_1", b"/v1beta/requests/req_1"])
def test_paths(path: bytes) -> None:
    call = parse_request(path, {})
    assert call is not None
    assert call.request_id == "req_1"


@pytest.mark.parametrize("path", [b"/v1/requests", b"/v1/requests/", b"/v1/requests/a/b", b"/requests/req_1"])
def test_other_paths(path: bytes) -> None:
    assert parse_request(path, {}) is None


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/v1/requests/req_1", "authorization: Bearer sk-good"),
        ("/api/v1/requests/req_1", "x-api-key: sk-good"),
        ("/v1/requests/req_1", "x-goog-api-key: sk-good"),
        ("/v1beta/requests/req_1?key=sk-good", "accept: */*"),
    ],
)
async def test_each_form_of_a_credential(path: str, line: str) -> None:
    async with stage({}, record=Rows()) as it:
        answer = await get(it, path, line)
    assert (answer.status, answer.json) == (200, {"id": "req_1", "account": 1})
    assert answer.headers[b"cache-control"] == b"no-store"
    assert answer.headers[b"x-request-id"].startswith(b"req_")


async def test_a_head_has_no_body() -> None:
    async with stage({}, record=Rows()) as it:
        answer = await get(it, "/v1/requests/req_1", "authorization: Bearer sk-good", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


async def test_another_account_sees_nothing() -> None:
    async with stage({}, record=Rows()) as it:
        others = await get(it, "/v1/requests/req_1", "authorization: Bearer sk-other")
        unknown = await get(it, "/v1/requests/req_2", "authorization: Bearer sk-other")
        nobodys = await get(it, "/v1/requests/req_1")
        posted = await get(it, "/v1/requests/req_1", "authorization: Bearer sk-good", method="POST")
    assert (others.status, others.json["error"]["code"]) == (404, "request_not_found")
    assert others.body.replace(b"req_1", b"req_2") == unknown.body
    assert nobodys.status == 401
    assert (posted.status, posted.headers[b"allow"]) == (405, b"GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    ("path", "line", "place"),
    [
        ("/v1/requests/x", "authorization: Bearer sk-good", ("error", "code")),
        ("/v1/requests/x", "x-api-key: sk-good", ("error", "type")),
        ("/v1beta/requests/x", "x-goog-api-key: sk-good", ("error", "status")),
    ],
)
async def test_a_refusal_is_in_the_callers_dialect(path: str, line: str, place: tuple[str, str]) -> None:
    words = {"code": "request_not_found", "type": "not_found_error", "status": "NOT_FOUND"}
    async with stage({}, record=Rows()) as it:
        answer = await get(it, path, line)
    outer, inner = place
    assert (answer.status, answer.json[outer][inner]) == (404, words[inner])
