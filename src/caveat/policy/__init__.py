"""The law: clauses in Cedar, the bundle that carries them, and the checks it must pass before it loads.

Laws of the room: a bundle loads only if it lints clean, validates and carries the signatures that its own
`@amend` formulas ask for; clauses read total facts, so none needs a `has` guard and none may have one.
"""
