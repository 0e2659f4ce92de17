"""Loaded by schemathesis: string formats of ours that it cannot know."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("base-url", st.sampled_from(["https://llm.example/v1", "http://127.0.0.1:8001"]))
schemathesis.openapi.format("idempotency-key", st.uuids().map(str))
schemathesis.openapi.format(
    "cidr",
    st.one_of(
        st.ip_addresses().map(str),
        st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.tuples(st.ip_addresses(v=6), st.integers(0, 128)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    ),
)
