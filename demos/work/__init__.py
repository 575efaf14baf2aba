"""What the command demos run."""
