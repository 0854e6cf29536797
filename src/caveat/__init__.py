"""Caveat: a use-control gateway. No unproved claim opens it, and it says what proof it needs."""

__version__ = "0.1.0"
