"""Which channel: snapshot, names, eligibility, the order of candidates, cool-down. Pure but for the clock handed in.

A request keeps the snapshot it began with; a change builds a new one and swaps it whole.
"""
