"""ToRouter, a self-hosted LLM gateway. The laws of the house stand in `ARCHITECTURE.md`."""

__all__ = ["__version__"]

__version__ = "0.1.0"
