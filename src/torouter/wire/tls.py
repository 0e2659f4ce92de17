"""Whom we trust: the TLS context towards upstreams. Certificates and names are always verified."""

from __future__ import annotations

import os
import ssl

import certifi

from torouter.errors import ConfigError

__all__ = ["client_context"]


def client_context(extra_ca_file: str | None = None) -> ssl.SSLContext:
    """A verifying context that offers HTTP/1.1. Reads the trust stores from disk (some 20 ms): make it once.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed, alone, as OpenSSL does; without them the system's store is joined
    by certifi's, because relocatable Python builds and slim images often find no system store at all.
    `extra_ca_file` (PEM) is trusted besides; raises `ConfigError` if it cannot be read.
    """
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_verify_locations(certifi.where())
    if extra_ca_file is not None:
        _trust(context, extra_ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise ConfigError(f"the CA file {ca_file} holds no PEM certificates") from error
    except OSError as error:
        raise ConfigError(f"the CA file {ca_file} cannot be read: {error.strerror}") from error
