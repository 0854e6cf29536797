"""The pure function from a policy and facts to a verdict. Read this room first.

Laws of the room, each a property test: a false claim never gets a better verdict than no claim; a red
line, a worse fact, a higher score or one approval less never loosens; the same bundle digest and facts
digest give the same decision on any machine; whatever cannot be evaluated never becomes allow.
"""
