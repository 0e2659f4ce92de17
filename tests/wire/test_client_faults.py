"""The border at which the libraries' exceptions become ours: every one of them has words, and the right kind."""

from __future__ import annotations

import builtins
import socket
import ssl
from collections.abc import Iterator
from typing import get_args

import httptools
import pytest
from httptools.parser import errors as httptools_errors

from torouter.errors import ErrorKind, Phase, UpstreamError
from torouter.wire.connection import StopParsing
from torouter.wire.faults import Fault, fault_of, lost


def family(root: type[BaseException]) -> Iterator[type[BaseException]]:
    yield root
    for child in root.__subclasses__():
        yield from family(child)


OURS_TO_KNOW = {
    socket.gaierror: "the host name cannot be resolved",
    ssl.SSLCertVerificationError: "the TLS certificate is not accepted",
    ssl.SSLError: "the TLS session failed",
    ssl.SSLEOFError: "the TLS session failed",
    ssl.SSLZeroReturnError: "the TLS session failed",
    TimeoutError: "the connection timed out",
    ConnectionRefusedError: "the connection was refused",
    ConnectionResetError: "the connection was reset",
    ConnectionAbortedError: "the connection was reset",
    BrokenPipeError: "the connection was reset",
    ConnectionError: "the connection was reset",
    httptools.HttpParserError: "the answer is not valid HTTP/1.1",
    httptools.HttpParserCallbackError: "the answer is not valid HTTP/1.1",
    httptools.HttpParserInvalidStatusError: "the answer is not valid HTTP/1.1",
    httptools.HttpParserUpgrade: "it switched protocols without being asked",
    UnicodeError: "the host name is not valid",
    OSError: "the network failed",
    StopParsing: "the connection failed",
    RuntimeError: "the connection failed",
}


@pytest.mark.parametrize("kind_of_error", OURS_TO_KNOW, ids=lambda each: each.__name__)
def test_words(kind_of_error: type[BaseException]) -> None:
    assert fault_of(kind_of_error(1, "reason")).what.startswith(OURS_TO_KNOW[kind_of_error])


def test_every_error_of_the_libraries_is_known_by_more_than_its_class() -> None:
    from_system = [each for each in vars(builtins).values() if isinstance(each, type) and issubclass(each, OSError)]
    from_tls = [each for each in vars(ssl).values() if isinstance(each, type) and issubclass(each, OSError)]
    from_parser = [
        each for each in vars(httptools_errors).values() if isinstance(each, type) and issubclass(each, Exception)
    ]
    all_of_them = {*from_system, *from_tls, *from_parser, *family(httptools.HttpParserError), socket.gaierror}
    assert len(all_of_them) > 25
    for kind_of_error in all_of_them:
        fault = fault_of(kind_of_error(1, "reason"))
        assert not fault.what.startswith("the connection failed"), kind_of_error
        is_timeout = issubclass(kind_of_error, TimeoutError)
        assert fault.kind == ("timeout" if is_timeout else "upstream_fault"), kind_of_error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ssl.SSLError(1, "x"), "upstream_tls"),
        (ssl.SSLCertVerificationError(1, "x"), "upstream_tls"),
        (TimeoutError(), "upstream_connect_timeout"),
        (ConnectionRefusedError(), "upstream_connect_refused"),
        (socket.gaierror(), "upstream_connect_unknown"),
        (UnicodeError(), "upstream_connect_unknown"),
        (OSError(101, "x"), "upstream_connect_failed"),
        (ConnectionResetError(), "upstream_reset"),
        (None, "upstream_reset"),
        (httptools.HttpParserError("x"), "upstream_malformed"),
    ],
)
def test_codes(error: Exception | None, code: str) -> None:
    assert fault_of(error).code == code


def test_a_connection_that_stood_was_reset_whatever_ended_it() -> None:
    assert lost(TimeoutError()).code == lost(None).code == "upstream_reset"
    assert lost(ssl.SSLError(1, "x")).code == "upstream_tls"
    assert lost(None).error("up.test", "connect").code == "upstream_connect_failed"


def test_details() -> None:
    assert fault_of(OSError(101, "Network is unreachable")).what == "the network failed (Network is unreachable)"
    assert fault_of(httptools.HttpParserError("Invalid status")).what.endswith("(Invalid status)")
    assert fault_of(ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 80)")).what.endswith("refused")
    assert fault_of(KeyError("secret")).what == "the connection failed (KeyError)"
    assert fault_of(None).what == "the connection was closed before the answer was whole"


@pytest.mark.parametrize("phase", get_args(Phase))
@pytest.mark.parametrize(("kind", "status"), [("upstream_fault", 502), ("timeout", 504)])
def test_error(phase: Phase, kind: ErrorKind, status: int) -> None:
    error = Fault("it broke", kind).error("up.test", phase, 207, [(b"retry-after", b"3")])
    assert isinstance(error, UpstreamError)
    assert (error.message, error.phase, error.kind, error.status) == ("up.test: it broke", phase, kind, status)
    assert (error.upstream_status, error.headers) == (207, ((b"retry-after", b"3"),))
