"""Bytes and sockets: the server adapter, WebSockets, the upstream client, SSE framing, headers. No JSON, models, keys
or money.

Header names are lower-case bytes everywhere in this room.
"""
