"""How much of a safeguard is real: a red team that talks to the gateway as any client can.

Laws of the room: it believes only what comes back over HTTP; it mints evidence with keys of a development
world, never with anything that the gateway would not ask of a stranger; what a scenario says for scoring
never reaches the bytes that are sent; a figure that was not measured is null, never zero. Source: ADR-0006.
"""
