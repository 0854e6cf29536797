"""Enforcement: bytes in, a decision on record, and only then an effect.

Laws of the room: nothing is released that was not decided, and nothing decided that is not durable; what
cannot be decided, recorded or answered is an error of the caller's own protocol, and the process goes on;
no content, key or claim stands in a log, a metric or an error. Read `gate.py` first, then `exchange.py`.
"""
