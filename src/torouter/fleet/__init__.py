"""All channels that there are: those that the server's own configuration declares, and those that people keep in the
store while it runs.

What is declared wins where both have a name. The snapshot is made of both, and of the demo only where there is neither.
"""

from torouter.fleet.discovery import Discovery
from torouter.fleet.fleet import Fleet
from torouter.fleet.rules import Rules
from torouter.fleet.stored import settings_of

__all__ = ["Discovery", "Fleet", "Rules", "settings_of"]
