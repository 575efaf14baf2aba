"""The sampler: a process of its own (`python -P -m engine.sampler`) that reads what devices say of themselves."""
