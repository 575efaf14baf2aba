"""wattrace's engine: sampling, arms, races, recordings. It knows nothing of the server or of browsers."""

__version__ = "0.1.0"
