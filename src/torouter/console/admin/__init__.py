"""The management API, under `/admin/v1`: a table of endpoints over the functions of `accounts.office`.

One file says what there is (`table`), and all that every endpoint needs stands once: who may (`gate`), what was asked
(`reading`), what is answered (`shapes`, `refusals`), and the document that describes it (`openapi`).
"""

from torouter.console.admin.site import admin_routes

__all__ = ["admin_routes"]
