"""Recordings × codecs: what providers really sent, through every road that the codecs offer."""
