"""Our server as a process, an upstream on a real socket that does as it is told, and the vendors' own SDKs."""
