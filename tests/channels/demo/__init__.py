"""The demo channel, as its clients see it."""
