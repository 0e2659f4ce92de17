"""What went wrong elsewhere, tried on us; `rows.toml` lists all of it, wherever in tests/ its test stands."""
