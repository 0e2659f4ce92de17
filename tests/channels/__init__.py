"""Channels: rows, requests towards them, facts, the demo."""
