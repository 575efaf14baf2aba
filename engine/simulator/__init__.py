"""The simulated vLLM: an OpenAI-compatible server that batches continuously; a program of its own."""
