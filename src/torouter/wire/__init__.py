"""Bytes and sockets: the server adapter, the upstream client, SSE framing, headers. No JSON, models, keys or money.

Header names are lower-case bytes everywhere in this room.
"""
