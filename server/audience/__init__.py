"""The audience: the way in for phones, their bet, and their questions."""
