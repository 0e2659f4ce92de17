"""Our own form of a chat, which belongs to no vendor. Pure: no I/O, no clock, no vendor's field names.

- A message is an ordered list of blocks; order is meaning.
- Opaque data keeps its origin and goes back to that origin only.
- Absent, null and zero differ: a setting that was not given is `UNSET`.
- A whole response is the events of a stream, folded (`fold`); there is no second path.
"""
