"""The pages: a landing page, health and metrics now; the portal, playground and operator's console are to come."""
