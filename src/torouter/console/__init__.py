"""What people and tools see of the gateway: landing page, health and metrics; the portal; the management API."""
