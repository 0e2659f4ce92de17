"""The straight line: plan, attempt, verdict, then bytes (same dialect) or canon (another). Knows no HTTP paths."""
