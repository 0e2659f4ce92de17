"""Pages for operators: whatever an administrator sees of everybody."""
