"""Whether a sentence says something sensitive of one person. Pure. Linear in the text.

A term counts where it is predicated of somebody: behind a verb that assigns, or behind a mark that sets it
beside the person. A term that belongs to a body, a subject or a group says nothing of the person beside it.
"""

import re
from collections.abc import Collection, Sequence

from caveat.screens.lexicon import CLAIMING, GROUP_HEADS, NOT_NAMES, OF_ANYTHING, OFFICES, QUALITIES
from caveat.screens.persons import OFFICE, Person, persons_in, pronouns_in
from caveat.screens.tables import COUNTS
from caveat.screens.terms import (
    CLEAR,
    CONDITION,
    PERSON,
    PLACE,
    SOFT,
    WEAK,
    WORD,
    Hit,
    lower,
    term_words,
    words_in,
)
from caveat.screens.wording import (
    ABOUT,
    ASSIGNING,
    AT_WORK,
    AUTHOR,
    BESIDE,
    BODY,
    CLAIM,
    CLOSED,
    GENERIC,
    IN_SOMETHING,
    IN_UNION,
    JOINED,
    LANGUAGE,
    MARK,
    MOSTLY,
    NO_CLAIM,
    NO_SUBJECT,
    NUMBER_OF,
    OF_HIS,
    OF_SOMEBODY,
    OF_SOMETHING,
    ON,
    OPEN,
    ORIGIN,
    PAST,
    PLACES,
    QUALITY,
    SCORED,
    SET_BESIDE,
    SMALL_KEY,
    STEP,
    SURE,
    SURNAME_ENDS,
    TILL,
    UNKNOWN,
    WAS_AT,
    WHEN,
    WORKS_ON,
    WRITER,
)

ONE_SCORE, PROXY_SCORE = 850, 700
_CLOSE, _NEAR, _MIDDLE, _FAR = 60, 70, 100, 160
"""Characters between a person and what may be said of him or her."""
_TRIED = 4
"""Persons before a term of whom it may be said."""


def said_of_one(sentence: str, hits: Sequence[Hit], before: Collection[str]) -> int:
    """How surely a folded sentence says something of one person. `hits`: its terms, by their place in it;
    `before`: the sentences before it, in which somebody may be named whom `she` means."""
    if (
        OPEN.match(sentence)
        or PAST.search(sentence)
        or sentence.rstrip().endswith("?")
        or AT_WORK.search(sentence)
    ):
        return 0
    words = frozenset(WORD.findall(lower(sentence)))
    told = [hit for hit in hits if hit.strength not in {CLEAR, SOFT}]
    if all(hit.kind == PLACE for hit in told) and words.isdisjoint(CLAIMING) and sentence.isascii():
        told = []
    record = _is_member_of_record(hits, sentence)
    if not told and not record:
        return 0
    found = persons_in(sentence)
    pronouns = pronouns_in(sentence)
    left_out = NO_SUBJECT.match(sentence)
    if left_out is not None and left_out[1].casefold() not in words_in("verb"):
        left_out = None
    follows = bool(pronouns or record or left_out) and any(_names_one(one) for one in (sentence, *before))
    if follows:
        found += pronouns
        if left_out is not None:
            found.append(Person(0, left_out.start(1), "likely"))
    generic = GENERIC.search(sentence) is not None
    offices = not words.isdisjoint(OFFICES) or not sentence.isascii()
    found = [
        one
        for one in found
        if not (generic and one.form == "role")
        and not (offices and _holds_office(one, sentence))
        and _may_mean(one, sentence, hits)
    ]
    best = ONE_SCORE if follows and record else 0
    counted = bool(found) and _is_counted(sentence)
    denied = [match.start() for match in NO_CLAIM.finditer(sentence)] if found else []
    for hit in told if found else ():
        near = [one for one in found if one.end <= hit.start and hit.start - one.end <= _FAR][-_TRIED:]
        if not near or not _counts(hit, hits, sentence, counted=counted):
            continue
        near = [one for one in near if not any(one.start - 40 <= at < hit.start for at in denied)]
        if any(_linked(one, hit, sentence) for one in near):
            best = max(best, PROXY_SCORE if hit.kind == PLACE else ONE_SCORE)
        if best == ONE_SCORE:
            return best
    return best


def _names_one(sentence: str) -> bool:
    return any(one.form in {"sure", "likely"} for one in persons_in(sentence[:300]))


def weak_of_persons(sentence: str, hits: Sequence[Hit]) -> set[tuple[str, str]]:
    """Kinds and words that each might say something of a person beside them, if others are said of
    others."""
    weak = [
        hit
        for hit in hits
        if hit.strength == WEAK and re.match(r"\W*(?:[.,;)\n\]]|\Z)", sentence[hit.end :][:4])
    ]
    if not weak or COUNTS.search(sentence) or OPEN.match(sentence):
        return set()
    found = persons_in(sentence)
    return {
        (hit.kind, sentence[hit.start : hit.end].casefold())
        for hit in weak
        for one in found
        if one.end <= hit.start and SET_BESIDE.fullmatch(sentence[one.end : hit.start])
    }


def tell_apart(weak: Collection[tuple[str, str]]) -> bool:
    """Whether weak words tell persons apart: two of one kind, of which one is of nothing else."""
    kinds = [kind for kind, word in set(weak) if kind != "ethnicity" or word in {"white", "black", "asian"}]
    return any(
        kinds.count(kind) > 1 and any(kind == one and word not in OF_ANYTHING for one, word in weak)
        for kind in kinds
    )


def unknown_names(sentence: str, hits: Sequence[Hit]) -> int:
    """How often a word with a capital, of which no more is known, has a term set beside it as persons
    have."""
    strong = {hit.start: hit for hit in hits if hit.strength == PERSON}
    if not strong or COUNTS.search(sentence) or PAST.search(sentence) or PLACES.search(sentence):
        return 0
    small = {
        match[1]
        for match in SMALL_KEY.finditer(sentence)
        if match.end() in strong and match[1] not in NOT_NAMES | term_words() | GROUP_HEADS
    }
    return (len(small) if len(small) > 1 else 0) + sum(
        2 if match["article"] else 1
        for match in UNKNOWN.finditer(sentence)
        if match.end() in strong
        and match["who"].casefold() not in NOT_NAMES | term_words()
        and not any(hit.start <= match.start("who") < hit.end for hit in hits)
        and _counts(strong[match.end()], hits, sentence, counted=False)
        and (
            not match["article"] or strong[match.end()].kind in {"religion", "orientation", "health", "union"}
        )
    )


def _holds_office(one: Person, sentence: str) -> bool:
    """Whether an office stands before or in what stands for a person."""
    before = re.split(r"[:.;\n\"](?=[\s\"])", sentence[max(0, one.start - 24) : one.start])[-1]
    return one.form != "vague" and OFFICE.search(before + sentence[one.start : one.end]) is not None


def _may_mean(one: Person, sentence: str, hits: Sequence[Hit]) -> bool:
    """Whether what stands for a person may be one of whom something is said here."""
    if any(hit.start < one.end and one.start < hit.end and hit.strength != WEAK for hit in hits):
        return False
    last = sentence[max(0, one.start - 24) : one.start].casefold().split()
    if last and last[-1] in WRITER:
        return False
    return not (last and last[-1] in AUTHOR and one.form == "sure")


def _is_counted(sentence: str) -> bool:
    """Whether a sentence is about how many, and not about whom."""
    return COUNTS.search(SURE.sub(" ", sentence)) is not None


def _counts(hit: Hit, hits: Sequence[Hit], sentence: str, *, counted: bool) -> bool:
    """Whether a term may say something of a person where it stands: no group, body, subject or
    language."""
    after = sentence[hit.end : hit.end + 40]
    if hit.kind != PLACE and BODY.match(after) and not TILL.match(after):
        return hit.strength == PERSON and JOINED.match(after) is not None and not counted
    said = sentence[hit.start : hit.end].casefold()
    if said in QUALITIES and OF_SOMETHING.match(after) and not OF_SOMEBODY.match(after):
        return False
    if hit.strength == PERSON and NUMBER_OF.match(after):
        return False
    if hit.strength == WEAK:
        if said == "union" and IN_UNION.search(sentence, max(0, hit.start - 50), hit.start):
            return True
        if said in {"union", "greens", "dues"} and re.match(r"[.,;)\n\]]|\Z", after):
            return re.search(r"[A-Z][\w'-]* \Z", sentence[max(0, hit.start - 24) : hit.start]) is None
        around = sentence[max(0, hit.start - 40) : hit.end + 24]
        if hit.kind == "ethnicity":
            return ORIGIN.search(around) is not None
        return any(other.strength == CLEAR and 0 <= hit.start - other.end <= 30 for other in hits)
    if hit.kind == "ethnicity" and LANGUAGE.search(sentence):
        return False
    if hit.kind == PLACE:
        return True
    if hit.strength == CONDITION and IN_SOMETHING.match(after):
        return False
    return not counted


def _is_member_of_record(hits: Sequence[Hit], sentence: str) -> bool:
    """Whether a sentence is a name of something sensitive and its value: `Religion: Pentecostal.`"""
    scored = SCORED.match(sentence, hits[0].end) if hits and hits[0].strength == PERSON else None
    if scored is not None and not sentence[: hits[0].start].strip(" -*("):
        return True
    if len(hits) < 2 or hits[0].strength != CLEAR or sentence[: hits[0].start].strip(" -*("):
        return False
    between = sentence[hits[0].end : hits[1].start]
    return len(between) <= 24 and (":" in between or "=" in between) and COUNTS.search(sentence) is None


def assigning(hit: Hit, hits: Sequence[Hit], text: str, *, by_itself: bool) -> bool:
    """Whether a term says something of whoever a text is about. `by_itself`: the text is a cell of a
    row."""
    if hit.strength in {CLEAR, SOFT} or not _counts(hit, hits, text, counted=_is_counted(text)):
        return False
    if hit.kind != PLACE:
        return True
    return CLAIM.search(text) is not None or (by_itself and hit.end - hit.start + 6 >= len(text))


def _linked(one: Person, hit: Hit, sentence: str) -> bool:
    """Whether a term is said of the person before it."""
    gap = sentence[one.end : hit.start]
    if gap == " " and sentence[hit.start].isupper() and not SURNAME_ENDS.match(sentence, hit.end):
        return False
    if ";" in gap or MOSTLY.search(gap):
        return False
    if hit.kind == PLACE:
        at = WAS_AT.search(gap) is not None and any(char.isdigit() for char in sentence[one.start : one.end])
        return at or CLAIM.search(sentence, one.end) is not None
    body = BODY.match(sentence, hit.end)
    if body is not None and not TILL.match(sentence, hit.end):
        return (
            CLAIM.search(sentence, one.end, hit.start) is not None
            or WHEN.match(sentence, body.end()) is not None
        )
    if ABOUT.search(gap[-60:]):
        return False
    if STEP.match(gap) is not None:
        return not CLOSED.match(gap)
    if gap in OF_HIS:
        return hit.strength == CONDITION or QUALITY.match(sentence, hit.end) is not None
    if WORKS_ON.search(gap) or (hit.kind != "health" and ON.search(gap)):
        return False
    return one.form != "vague" and (_beside(gap) or _predicated(one, hit, sentence))


def _beside(gap: str) -> bool:
    """Whether a mark sets what follows a gap beside the person before it."""
    beside = BESIDE.match(gap)
    if beside is None or beside.end() == 0 or len(gap) > _NEAR:
        return False
    if not gap.lstrip().startswith(","):
        return True
    tail = MARK.split(gap)
    return len(tail) > 1 and STEP.match(tail[-1]) is not None


def _predicated(one: Person, hit: Hit, sentence: str) -> bool:
    """Whether a verb says a term of the person before it."""
    gap = sentence[one.end : hit.start]
    verbs = words_in("verb")
    if len(gap) <= _CLOSE and not verbs.isdisjoint(WORD.findall(lower(sentence[hit.start : hit.end]))[:1]):
        return True
    reach = gap[: _NEAR if one.form == "sure" else _CLOSE]
    if verbs.isdisjoint(WORD.findall(lower(reach))) and ASSIGNING.search(reach) is None:
        return False
    return one.form == "sure" or len(gap) <= _MIDDLE
