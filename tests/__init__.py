"""The tests. A package, so that the rooms' tests may share `recorded` and the live harness."""
