"""The demo channel: an upstream that is a function. It answers all four dialects offline, and always says what it is.

It exists so that a gateway without any provider's key answers at once, with the same grammar, tools and streams that a
provider would send. Everything but `answer` is pure: ids are functions of the request and a counter.
"""

from torouter.channels.demo.answer import answer, reply_to

__all__ = ["answer", "reply_to"]
