"""The room `canon`: no vendor, no network, no clock."""
