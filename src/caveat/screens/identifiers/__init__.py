"""Who is in a content: identifiers found, made one for all their spellings, and kept as keyed ids alone.

Nothing here learns or guesses: it reads structure first, and of prose only what has a form. No answer of this
room holds what it read. Source: LABELS section 1, MODELS section 3, ADR-0046.
"""

from caveat.screens.identifiers.columns import SENSITIVE
from caveat.screens.identifiers.found import DEVICES, Found, Kind
from caveat.screens.identifiers.prose import find_identifiers
from caveat.screens.identifiers.sighted import sightings_of

__all__ = ["DEVICES", "SENSITIVE", "Found", "Kind", "find_identifiers", "sightings_of"]
