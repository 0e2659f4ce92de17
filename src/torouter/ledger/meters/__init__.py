"""Limits that many requests share: money, requests and tokens within a time, calls at once."""

from torouter.ledger.meters.meters import Ask, Hold, Meter, Meters, Refusal, Window

__all__ = ["Ask", "Hold", "Meter", "Meters", "Refusal", "Window"]
