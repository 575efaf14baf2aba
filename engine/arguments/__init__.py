"""vLLM's arguments: what a version of it accepts, asked of it or read from the list that is shipped."""
