"""The vendors' Node SDKs, unmodified, against the running gateway."""
