"""The portal: what people use in a browser, under a session of theirs.

A page is a row of `routes.PAGES`, a function in `views/` and a template. What every page needs stands once: who is
asking and in which language (`visit`), what a form says (`fields`), the words (`words`), the files beside the pages
(`assets`). Handlers block and run in threads; none of them knows SQL, and all they change goes through
`accounts.office`. Every form works without scripts; scripts only make it nicer.
"""

from torouter.console.portal.routes import PAGES
from torouter.console.portal.site import Site, portal_routes
from torouter.console.portal.sources import Sources

__all__ = ["PAGES", "Site", "Sources", "portal_routes"]
