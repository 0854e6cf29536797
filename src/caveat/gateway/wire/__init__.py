"""Protocols at the door: bytes to a neutral request, decisions and errors back in the protocol's own form.

Laws of the room: a field that nobody here knows passes through with its value unchanged; no part of a
request that a model could read escapes classification, known field or not; a parser raises
`RequestError` and nothing else, whatever bytes arrive.
"""
