"""What a proof says, in plain sentences: the one place that puts its words to people."""

from collections.abc import Mapping, Sequence
from typing import cast

from caveat.signing.canonical import Json, JsonObject

ADVERSARIES = {
    "honest": "an honest caller",
    "silent": "a caller who withholds",
    "liar": "a caller who lies",
    "evader": "a caller who evades every screen",
    "issuer": "one corrupt issuer",
    "operator": "a corrupt operator",
}
ANSWERS = {True: "holds", False: "open", "unknown": "unknown"}
_VERDICTS = {
    "allow": "is let through",
    "needs_approval": "is let through once approved",
    "needs_evidence": "waits for evidence",
    "deny": "is denied",
}


def table(value: Json) -> JsonObject:
    """A member that is an object; empty where it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: Json) -> list[JsonObject]:
    """A member that is a list of objects."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def names(value: Json) -> list[str]:
    """A member that is a list of names."""
    return [str(name) for name in value] if isinstance(value, list) else []


def sets_of(value: Json) -> list[list[str]]:
    """A member that is a list of sets of names."""
    return [names(each) for each in value] if isinstance(value, list) else []


def together(members: Sequence[str]) -> str:
    """`a and b`; nobody where nobody is needed."""
    if not members:
        return "nobody's consent"
    return members[0] if len(members) == 1 else f"{', '.join(members[:-1])} and {members[-1]}"


def value_words(value: Json) -> str:
    """A value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " + ".join(str(word) for word in value) if value else "nothing"
    return f"{value:,}" if isinstance(value, int) else str(value)


def use_sentence(witness: JsonObject) -> str:
    """A use, what is seen of it otherwise than it is, and what the live engine did with it."""
    facts = table(witness["facts"])
    said = [f"{name} is {value_words(value)}" for name, value in facts.items()]
    text = f"A use at the {witness['point']} where {'; '.join(said)}" if said else "Any use"
    lies = [
        f"{name} is seen as {value_words(cast('Mapping[str, Json]', seen)['value'])} "
        f"({cast('Mapping[str, Json]', seen)['grade']}, {cast('Mapping[str, Json]', seen)['by']})"
        for name, seen in table(witness["seen"]).items()
    ]
    if lies:
        text += f", but {'; '.join(lies)},"
    ending = _VERDICTS.get(str(witness["verdict"]), str(witness["verdict"]))
    by = ", ".join(names(witness["clauses"]))
    return f"{text} {ending}{f' (by {by})' if by else ''}."


def act_sentence(acts: JsonObject) -> str:
    """What is done to the bundle."""
    parts = [
        ("removes", names(acts["removed"])),
        ("lets everything through under", names(acts["widened"])),
        ("lets a mere claim count for", names(acts["claimed"])),
    ]
    said = [f"{verb} {', '.join(what)}" for verb, what in parts if what]
    limits = [f"{name} to {value_words(value)}" for name, value in table(acts["limits"]).items()]
    if limits:
        said.append(f"moves {', '.join(limits)}")
    return "; ".join(said)
