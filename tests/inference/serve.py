"""`python serve.py FILE PORT` serves a GGUF file until standard input ends. Needs what `requirements.txt` names."""

from __future__ import annotations

import sys

import xllamacpp  # type: ignore[import-not-found]

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.model_alias = {"tiny"}
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.n_ctx = 8192
parameters.n_parallel = 2
parameters.cpuparams.n_threads = 1
parameters.use_jinja = True
parameters.warmup = False
parameters.sampling.seed = 7  # one question, one answer: not every dialect can ask for a seed

server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
sys.stdin.read()
