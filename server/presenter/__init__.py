"""The presenter: who has control, what the console shows, and what it orders."""
