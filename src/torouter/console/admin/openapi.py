"""The OpenAPI document, from the endpoints' own types: what it says is what is enforced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from torouter import __version__
from torouter.console.admin.call import Endpoint
from torouter.console.admin.refusals import JSON
from torouter.console.admin.repeating import HEADER
from torouter.console.admin.shapes import ErrorBody

__all__ = ["document"]

_REFERENCE: Final = "#/components/schemas/{name}"
_ID: Final = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9_.:-]+$"}
_NAME: Final = {
    "name": HEADER,
    "in": "header",
    "description": "With the same name and the same body a request is done once, and answered as it was. For 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "format": "idempotency-key"},
}
_EXAMPLE: Final = "req_0123456789abcdef00000001"
_REFUSALS: Final = {
    "400": "What was asked is not understood; `param` names the field.",
    "401": "No admin token, or one that is not known or has expired.",
    "403": "The token's account is no active administrator.",
    "404": "It is not there.",
    "409": "It is in the way of what is there.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": f"The {HEADER} was sent before, with another body.",
    "429": "Too many wrong tokens from this address.",
    "500": "A fault of the gateway's own.",
    "503": "The store cannot be used right now.",
}
_WITH_BODY: Final = ("409", "413", "415")
_WITH_NAME: Final = ("422",)


def document(prefix: str, endpoints: Sequence[Endpoint]) -> bytes:
    """OpenAPI 3.1, as JSON."""
    kinds = _kinds(endpoints)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    found = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(prefix + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, found)
    _forbid_pairs(components)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "ToRouter management API", "version": __version__},
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{"admin": []}],
        }
    )


def _kinds(endpoints: Sequence[Endpoint]) -> list[Any]:
    kinds: list[Any] = [ErrorBody]
    for endpoint in endpoints:
        kinds += [kind for kind in (endpoint.answer, endpoint.body) if kind is not None]
    return list({repr(kind): kind for kind in kinds}.values())


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.path.split("/")[1]],
        "parameters": [
            *_path_parameters(endpoint.path),
            *_query_parameters(endpoint),
            *([_NAME] if endpoint.may_be_repeated else []),
        ],
        "responses": {str(endpoint.status): _success(endpoint, schemas)} | _failures(endpoint, schemas),
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas[repr(endpoint.body)]}}}
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True}
        | ({"schema": _TEXT, "example": _EXAMPLE} if name == "request_id" else {"schema": _ID})
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    _, components = msgspec.json.schema_components([endpoint.query])
    properties = components[endpoint.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]


def _success(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    if endpoint.shape == "csv":
        return {
            "description": "A file with a line for each request.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    return {"description": "Done.", "content": {JSON: {"schema": schemas[repr(endpoint.answer)]}}}


def _failures(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    content = {JSON: {"schema": schemas[repr(ErrorBody)]}}
    never = (*(_WITH_BODY if endpoint.method == "GET" else ()), *(() if endpoint.may_be_repeated else _WITH_NAME))
    return {
        status: {"description": sentence, "content": content}
        for status, sentence in _REFUSALS.items()
        if status not in never
    }


def _forbid_pairs(components: dict[str, Any]) -> None:
    """What no type says: fields of which one may be named, but not both."""
    for name, pair in (
        ("NewKey", ["expires_in_days", "expires_at"]),
        ("KeyEdit", ["expires_in_days", "expires_at"]),
        ("NewChannel", ["api_key", "credentials"]),
        ("ExplainForm", ["group", "key_id"]),
    ):
        components[name]["not"] = {"required": pair}
