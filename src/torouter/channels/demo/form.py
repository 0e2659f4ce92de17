"""Fields of a multipart form, for the demo's operations that take files."""

from __future__ import annotations

import re
from typing import Final

from torouter.errors import RequestError

__all__ = ["Form"]

_BOUNDARY: Final = re.compile(rb'multipart/form-data;.*boundary="?([^";\s]{1,70})"?', re.IGNORECASE)
_NAME: Final = re.compile(rb'content-disposition:[^\r\n]*\bname="([^"\r\n]*)"', re.IGNORECASE)


class Form:
    """`files` are sizes in bytes, `fields` texts; a name that comes twice has its last value."""

    def __init__(self, content_type: bytes, body: bytes) -> None:
        found = _BOUNDARY.match(content_type)
        if found is None:
            raise RequestError("expected multipart/form-data with a boundary", param="content-type")
        self.fields: dict[str, str] = {}
        self.files: dict[str, int] = {}
        for part in (b"\r\n" + body).split(b"\r\n--" + found[1])[1:-1]:
            self._add(part)

    def field(self, name: str) -> str:
        """Raises `RequestError` if it is not there."""
        if not self.fields.get(name):
            raise RequestError(f"{name} is missing", param=name)
        return self.fields[name]

    def _add(self, part: bytes) -> None:
        head, _, content = part.partition(b"\r\n\r\n")
        named = _NAME.search(head)
        if named is None:
            raise RequestError("a part of the form has no name")
        name = named[1].decode(errors="replace").removesuffix("[]")
        if b"filename" in head:
            self.files[name] = len(content)
        else:
            self.fields[name] = content.decode(errors="replace")
