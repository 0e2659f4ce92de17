"""What it cost. Settling never waits for the store: entries are journalled and queued, and a thread writes them."""
