"""All that a decision may know about a use: typed facts with a grade and a source.

Laws of the room: the registry is closed, so an undeclared fact or value is refused and never guessed; a
fact counts only where its grade and its source are those that the registry asks for.
"""
