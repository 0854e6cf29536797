"""What a text says about its own rows: codes that it explains, and what its list is a list of. Pure.

A code stands for something sensitive where its explanation does. A caption makes the values of the rows
near it say something of the persons in them. Linear in the text.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from caveat.screens.lexicon import NO_CODE
from caveat.screens.persons import (
    NAME,
    OFFICE,
    Person,
    is_name,
    persons_in,
    starts_with_name,
    starts_with_numbers,
)
from caveat.screens.tables import COUNTS
from caveat.screens.terms import CLEAR, PLACE, SOFT, WEAK, Hit, words_in
from caveat.screens.wording import OPEN

_EXPLAINED = re.compile(
    r"(?<![\w])(?:[\"'“„`]?([\w+-]{1,24})[\"'”“`]? ?(?:=|means|stands for|bedeutet|signifie|significa)"
    r"|([\w+-]{1,4}) ?(?:->|→|–)|([\w+-]{1,2}|[A-Z\d]{2,4}) ?\(|[\"'“„`]([\w +-]{1,24})[\"'”“`] ?(?::"
    r"|->|→|–|\()"
    r"|(?=[\w+-]{0,23}[\d_])([\w+-]{1,24})(?:\b ?(?:->|→|–|:|\()|(?<=\d) (?=[A-Z]))"
    r"|(?<![ \w])([\w+-]{1,4}) ?:|\b([A-Z][A-Z\d]{0,4}):) ?"
    r"[^,;\n|=]{0,60}\Z"
)
_BOTH = re.compile(
    r"\b([\w+-]{1,6}),? (?:and|or|und|et|y|e) ([\w+-]{1,6}) (?:are|is|stand for|sind|sont"
    r"|son) [^.;\n]{0,40}\Z"
)
_CAPITALS = re.compile(r"(?<![\w.])([A-Z][A-Z0-9]{0,5}|\d{1,3}) \Z")
_BEFORE, _MAX_CAPTION = 96, 600
_COLON = re.compile(":")
_LISTS = re.compile(r":|\b(?:are|is|include|sind|ist|son|es)\b")
_OF_PERSONS = re.compile(
    r"\b(?:probabil\w+|likel\w+|scores?|predict\w*|inferred|guess\w*|estimat\w*|presum\w*|suspect\w*"
    r"|labels?|labell?ed|tags?|tagged|who|person|people"
    r"|list of|colour|colou?red|column|rated|rating|rate|assess\w*|registry of|register of|classif\w*"
    r"|by descent|members of|wahrscheinlich\w*|liste der|segment\w*"
    r"|each (?:candidate|tenant|employee|user|person|juror|customer|subscriber)|overview|summary"
    r"|judged|sorted|ranked|confidence|flag|flagged)\b",
    re.IGNORECASE,
)
_OF_GROUPS = re.compile(
    r"\b(?:share|shares|per ?cent|percent|by (?:region|district|province|country|age|town|year|sex"
    r"|cohort)|poll|survey|mean|average|median|municipal\w*|provinc\w*|prevalence"
    r"|incidence|countr\w+|parties|districts?|regions?|states?|respondents|items?|scale|alpha|kappa"
    r"|regression|words per|per 100|majority|turnout|seats|ballot|results?"
    r"|cycle|women under|patients|quarter|admissions|weekly bulletin|manifestos?|articles?|coded"
    r"|newspapers?|layout|field|optional)\b|\bn ?= ?\d",
    re.IGNORECASE,
)
_GUESSED = re.compile(
    r"\b(?:likely|probabl[ey]|presumabl[ey]|presumed|suspected|flagged|tagged|guess\w*|inferred"
    r"|predicted|assumed|how|they seem|judg\w+|rated by|ranked by|ranking)\b",
    re.IGNORECASE,
)
_ROW = re.compile(
    r"\A\W{0,4}(?:\d{1,4}\W{1,3}|row \d+\W+"
    r"|line \d+\W+)?(?P<before>[\d.,]{1,6} )?(?P<who>.{1,60}?)\s*(?:[:|;,=–—-]|->|→|\s)\s*"
    r"(?P<value>[+−-]?\d{1,3}(?:[.,]\d+)?(?: ?%|/\d+)?|yes|no|will|won't|probably(?: will)?|maybe"
    r"|likely|unlikely|[x✓+-]|high|medium|low|red|white|blue|green|[A-Z]\d?|ja|nein|si|oui|non"
    r"|sim)\b[^\n]{0,80}\Z",
    re.IGNORECASE,
)


def codes_explained(text: str, hits: Sequence[Hit]) -> set[str]:
    """The codes that a folded text explains, of those that stand for something sensitive; in small
    letters."""
    found, paired, seen = set[str](), list[str](), set[str]()
    for hit in hits:
        before = text[max(0, hit.start - _BEFORE) : hit.start]
        if hit.strength in {WEAK, SOFT} or before in seen:
            continue
        seen.add(before)
        explained = _EXPLAINED.search(before)
        if explained is not None:
            code = next(one for one in explained.groups() if one is not None)
            if code not in {"a", "i", "e"}:
                found.add(code.casefold())
        both = _BOTH.search(before)
        if both is not None:
            found |= {both[1].casefold(), both[2].casefold()}
        capitals = _CAPITALS.search(before[-9:])
        if capitals is not None:
            paired.append(capitals[1].casefold())
    if len(paired) > 1:
        found |= set(paired)
    given = words_in("given")
    return {code for code in found if code not in NO_CODE and code not in given}


def listed(lines: Sequence[tuple[int, str]], hits_in: Callable[[int, int], Sequence[Hit]]) -> bool:
    """Names below or behind words that say what they are: `Likely Muslims: …`. `lines`: with their
    places."""
    said = False
    for start, line in lines:
        plain = line.strip()
        if not said and (not plain or not hits_in(start, start + len(line))):
            continue
        for clause_at, clause in _clauses(start, line):
            mark = _COLON.search(clause) or _LISTS.search(clause)
            before = clause[: mark.start()] if mark else ""
            if (
                mark
                and 0 < len(before) <= 100
                and sorts(before, hits_in(clause_at, clause_at + mark.start()))
            ):
                behind = (
                    clause[mark.end() :].lstrip(" 0123456789.)")
                    if _GUESSED.search(before)
                    else clause[mark.end() :]
                )
                if starts_with_name(behind):
                    return True
                if _GUESSED.search(before) and starts_with_numbers(clause[mark.end() :]):
                    return True
                said = plain.endswith(":") or said
        if said and plain and not plain.endswith(":"):
            if starts_with_name(plain.lstrip("-*•0123456789.) ").removeprefix("To: ")):
                return True
            said = False
    return False


def _clauses(start: int, line: str) -> Iterator[tuple[int, str]]:
    at = 0
    for part in re.split(r"(?<=[.;!?])(?<!\d\.) +", line)[:200]:
        at = line.find(part, at)
        yield start + at, part
        at += len(part)


def sorts(heading: str, hits: Sequence[Hit]) -> bool:
    """Whether a heading says something sensitive of the persons below it."""
    if COUNTS.search(heading) or OFFICE.search(heading) or OPEN.match(heading) or _OF_GROUPS.search(heading):
        return False
    if any(is_name(name[0]) for name in NAME.finditer(heading)):
        return False
    return any(
        hit.strength not in {WEAK, SOFT, CLEAR, PLACE}
        or (hit.strength == CLEAR and _GUESSED.search(heading))
        or (hit.strength == PLACE and re.search(r"attend|goes|visit|member|weekly|donat", heading, re.I))
        for hit in hits
    )


def captioned(lines: Sequence[tuple[int, str]], hits_in: Callable[[int, int], Sequence[Hit]]) -> int:
    """How many rows of a person and a value stand near a caption that says what sensitive thing they
    are of."""
    if not any(
        hit.strength not in {WEAK, SOFT, PLACE}
        for start, line in lines[:2000]
        if len(line) <= _MAX_CAPTION
        for hit in hits_in(start, start + len(line))
    ):
        return 0
    caption, rows = False, 0
    for start, line in lines[:2000]:
        if len(line) > _MAX_CAPTION:
            continue
        hits = [hit for hit in hits_in(start, start + len(line)) if hit.strength not in {WEAK, SOFT, PLACE}]
        if hits and _OF_PERSONS.search(line) and not (COUNTS.search(line) or OPEN.match(line.strip())):
            if _OF_GROUPS.search(line):
                return 0
            caption = True
            behind = line.partition(":")[2]
            rows += bool(behind and _is_row(behind.strip()))
            continue
        rows += _is_row(line)
    return rows if caption else 0


def _is_row(line: str) -> bool:
    row = _ROW.match(line) if len(line) <= 300 else None
    if row is None:
        plain = line.strip()
        front = re.match(r"[\d.,]{1,5} (?=[A-Z@a-z])", plain)
        return front is not None and _begins(plain[front.end() :])
    return _begins(row["who"])


def _begins(text: str) -> bool:
    found: list[Person] = persons_in(text[:80])
    return any(one.start <= 4 and one.form in {"sure", "likely"} for one in found)
