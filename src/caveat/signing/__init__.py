"""What is hashed or signed: digests, canonical JSON, keys, envelopes, notes, Merkle trees.

Laws of the room: bytes are verified as received, never re-rendered first; an algorithm is read from the
key's record, never from the message; nothing here reads a clock, a file or a random source, so a caller
that needs a new key passes the seed in.
"""
