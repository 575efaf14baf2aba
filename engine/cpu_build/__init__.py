"""A real vLLM on the CPU and a small real model, so that the real race path runs on a machine without a GPU.

`python -P -m engine.cpu_build` makes both, once; `location` tells other code where they are. Errors:
`errors.BuildError`.
"""
