"""The composition root: everything that makes one gateway, put together once, for whoever runs it.

Laws of the room: nothing is decided here; a gateway either holds its ledger alone and has read all of it, or
does not open; whatever was opened is closed again, in the order in which others rely on it. Read
`service.py` first.
"""
