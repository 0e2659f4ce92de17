"""The official SDKs, through the gateway, over a real inference server: llama.cpp's, with a model made on the spot.

What no script of ours would think of comes from there: answers without ids or roles, events twice, halves of letters,
usage with timings, errors in words of its own. `make inference` runs it; an ordinary run does not, as the server is an
installation of its own (50 MB to fetch, 170 MB on disk, in `build/inference`).
"""
