"""Which channel: snapshot, names, eligibility, health, and whom a request asks. Pure but for the clock handed in.

- A request keeps the snapshot it began with; a change builds a new one and swaps it whole.
- What is learned of channels is kept by their names, so it outlives snapshots: `traffic`, `health`, `affinity`.
- `planner` is all that the relay calls; `plan` is of one request; `pool` draws; `explain` says why.
"""
