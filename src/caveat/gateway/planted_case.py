"""How a planted case is made of two real uses that wait: the facts of one, asked in the words of the other.

Pure. The facts stay true of what they were attested for; what the words ask for, they were not attested for.
Everything else, to the byte, is the first use's own. Source: ADR-0040.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from caveat.call.call import Call, Part, PartKind, Point
from caveat.facts.fact import Facts, Grade
from caveat.facts.registry import FactType, Registry
from caveat.facts.value import Value
from caveat.gateway.planted_data import renewed
from caveat.gateway.ports import Found
from caveat.ledger.record import DataPart, DecisionRecord
from caveat.policy.deployments import Deployment
from caveat.signing.digest import sha256

_AS_JSON: tuple[Callable[[str], str], ...] = (json.dumps, lambda text: json.dumps(text, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Opened:
    """A use that waits, as the record `id` opened it. `content`: what a person is shown of it."""

    id: str
    record: DecisionRecord
    call: Call
    deployment: Deployment
    found: Found
    content: bytes

    @property
    def roles(self) -> frozenset[str]:
        """Who is asked."""
        return frozenset() if self.record.hold is None else frozenset(dict(self.record.hold.roles))


@dataclass(frozen=True, slots=True)
class Made:
    """A planted case before anything is decided: `call` is the first use's with the words of the second.

    `data`: its data parts, of which ids were renewed where they could be; `is_new`: of all of them they were.
    """

    host: Opened
    donor: Opened
    call: Call
    content: bytes
    data: tuple[DataPart, ...]
    is_new: bool


def is_source(one: Opened) -> bool:
    """Whether planted cases can be made of it: a call of a tool, or a prompt whose words stand once in what
    is shown of it, as somebody typed them; where something is replaced in a prompt, not in its words."""
    return one.record.point is Point.TOOL or (one.record.point is Point.PROMPT and words_of(one) is not None)


def make_case(host: Opened, donor: Opened, registry: Registry, chance: random.Random) -> Made | None:
    """The case with the facts of `host` and the words, or the call, of `donor`; None where a reader could
    take the one for the other, so that refusing it would not be called for."""
    if host.roles != donor.roles or host.record.point is not donor.record.point:
        return None
    if not asks_otherwise(host.record.cases, donor.record.cases, registry):
        return None
    if host.record.point is Point.TOOL:
        return _of_call(host, donor)
    own, other = words_of(host), words_of(donor)
    if own is None or other is None or own.content == other.content or not _replaced_alike(host, donor):
        return None
    content = spliced(host.content, own.content.decode(), other.content.decode())
    if content is None:
        return None
    put = replace(other, pointer=own.pointer, role=own.role)
    parts = tuple(put if part is own else part for part in host.call.parts)
    made = Made(host, donor, replace(host.call, parts=parts), content, (), is_new=True)
    return _with_other_people(made, chance)


def in_other_words(host: Opened, donor: Opened, registry: Registry) -> bytes | None:
    """What is shown of `host`, with the words of `donor` and nothing else changed, so that its record says
    all else of it; None where a reader could take the one for the other."""
    if not asks_otherwise(host.record.cases, donor.record.cases, registry) or not _replaced_alike(
        host, donor
    ):
        return None
    own, other = words_of(host), words_of(donor)
    if own is None or other is None or own.content == other.content:
        return None
    return spliced(host.content, own.content.decode(), other.content.decode())


def _of_call(host: Opened, donor: Opened) -> Made | None:
    """The same tool, called with what it was called with elsewhere."""
    if host.record.action != donor.record.action or host.content == donor.content:
        return None
    call = replace(host.call, parts=donor.call.parts)
    return Made(host, donor, call, donor.content, donor.record.parts, is_new=True)


def _replaced_alike(host: Opened, donor: Opened) -> bool:
    """Whether the same is replaced in both, so that words of the one could stand in the other."""
    own, other = host.record.redaction, donor.record.redaction
    if own is None or other is None:
        return own is other
    return (own.clauses, own.kinds) == (other.clauses, other.kinds)


def _with_other_people(made: Made, chance: random.Random) -> Made:
    """The same with other ids in its data, where they are to be found."""
    content, listed, is_new = made.content, list(made.host.record.parts), not made.host.record.history
    by_pointer = {part.pointer: part for part in made.call.parts}
    for place, part in enumerate(listed):
        whole = by_pointer.get(part.pointer)
        table = None if whole is None else _text(whole.content)
        column = None if whole is None else whole.id_column or made.host.deployment.id_column
        other = None if table is None else renewed(table, column, chance)
        done = None if table is None or other is None else spliced(content, table, other)
        if other is None or done is None:
            is_new = False
            continue
        content, said = done, other.encode()
        listed[place] = replace(part, digest=sha256(said), bytes=len(said))
    return replace(made, content=content, data=tuple(listed), is_new=is_new)


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def words_of(one: Opened) -> Part | None:
    """The last that somebody typed in it; None where it does not stand there exactly once."""
    typed = [part for part in one.call.parts if part.kind is PartKind.TYPED and part.role == "user"]
    if not typed or not typed[-1].content.strip():
        return None
    try:
        text = typed[-1].content.decode()
    except UnicodeDecodeError:
        return None
    return typed[-1] if spliced(one.content, text, text) is not None else None


def spliced(content: bytes, words: str, others: str) -> bytes | None:
    """The content with other words, written as these were; None where these do not stand there once."""
    for as_json in _AS_JSON:
        written = as_json(words).encode()
        if content.count(written) == 1:
            return content.replace(written, as_json(others).encode())
    return None


def asks_otherwise(cases: tuple[Facts, ...], others: tuple[Facts, ...], registry: Registry) -> bool:
    """Whether what is attested of the one use, in every case, is another thing than of the other."""
    differing = [
        one.keys() & two.keys() and any(one[name] != two[name] for name in one.keys() & two.keys())
        for one in (dict(_attested(case, registry)) for case in cases)
        for two in (dict(_attested(case, registry)) for case in others)
    ]
    return bool(differing) and all(differing)


def _attested(case: Facts, registry: Registry) -> Iterator[tuple[str, Value]]:
    """What is attested of what is asked: words of the registry about the use itself."""
    for fact in case.facts:
        spec = registry.facts.get(fact.name)
        if spec is None or fact.grade is not Grade.ATTESTED or spec.about != "use":
            continue
        if spec.type in (FactType.ENUM, FactType.SET):
            yield fact.name, fact.value
