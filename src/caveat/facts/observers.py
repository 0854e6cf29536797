"""The observers that this product has, by the names under which registries and deployments speak of them.

A name that is not here observes nothing: a neutral value that rests on it alone would stand for nothing.
"""

OBSERVERS = frozenset({"counter", "totals", "reach", "review", "destinations", "history", "monitors"})
"""Persons in data; persons over twelve months; persons in reach of typed words; people's reviews; where
answers go; what the earlier messages of a request are; what many uses amount to."""

ABSENT = "absent"
"""The role of a neutral value that no observer establishes. Only drafts are ever analysed with it."""
