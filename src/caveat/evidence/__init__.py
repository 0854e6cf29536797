"""Attestations in: from bytes that anybody may send to facts that a decision may count on.

Laws of the room: nothing in an envelope is read before its signature is verified under an enrolled key;
every failure makes the evidence absent and has a code of its own, save forged and replayed evidence and
values outside the registry, which deny; the clock is passed in; what is cached is the signature alone, so
time, audience and binding are checked again at each use. Nothing here sees clauses or decides.
"""
