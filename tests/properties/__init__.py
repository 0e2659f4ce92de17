"""The laws that hold for every input."""
