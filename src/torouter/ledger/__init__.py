"""What it cost. Settling never waits: rows are queued, and one thread of its own writes them."""
