"""Whether the rows of a table say something sensitive of the persons in them. Pure. Linear in the table.

Values decide, and not what a column is called; a column that says what it is about decides for its values.
"""

import re
from collections.abc import Callable, Collection, Sequence

from caveat.screens.lexicon import COUNT_HEADS, GROUP_HEADS, TOPICS
from caveat.screens.persons import OFFICE, names_somebody
from caveat.screens.sentences import assigning
from caveat.screens.tables import SPACES, Table, are_counts, is_codebook, is_count_head, person_columns
from caveat.screens.terms import CLEAR, PLACE, SOFT, WEAK, Hit

ROWS_SCORE, ONE_SCORE = 950, 850
_SIDES = ("left", "right", "links", "rechts", "gauche", "droite", "izquierda", "derecha")
_SIDE = re.compile(
    rf"(?:the )?(?:far |hard |centre[ -]|center[ -])?(?:{'|'.join(_SIDES)})(?:[ (]+[\d.,%]+\)?)?\Z",
    re.IGNORECASE,
)
"""A side of politics, where it stands by itself: as a part of something longer it is a side of
anything."""
BY_ITSELF = frozenset({"union", "non-union", "labour", "secular", "unpolitisch", "links", "rechts", *_SIDES})
DIAGNOSIS = re.compile(r"[A-TV-Z]\d{2}\.\d{1,2}\Z")
"""Source: ICD-10, the form of a code."""
_NOTHING = frozenset({"-", "n/a", "no", "false", "0", "none", "null", "unknown", ""})
_TITLE = re.compile(
    r"\b(?:in|at|among|between) (?:the )?\w+\Z|\b(?:street|lane|road|avenue|way|square)\b", re.I
)
_WORK = re.compile(
    r"\b(?:role|job|position|department|occupation|profession|title|project|product|team|course"
    r"|subject|languages?"
    r"|speciality|specialty|discipline|beruf|abteilung|poste|puesto|reparto|address|street|city|town"
    r"|school|employer"
    r"|country|nationality|citizenship|skills|room|book|publication|topic|lecture|works)\b",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"(?=[^\d]{0,23}\d)[\w@+. -]{2,24}\Z|[a-z]{1,20}[._][a-z.]{2,20}\Z")
"""What stands for a person in a table where nothing says so: a number, a handle, a code."""
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d\Z|[\d.,]+ ?%|\d+[.,]\d+\Z")
_DEGREE = re.compile(r"[+-]?(?:0?[.,]\d+|1[.,]0+|\d{1,3} ?%|\d{1,3}/10+)\Z")
_ENUMERATES = re.compile(
    r"\b\d{1,2}[ =:.)-]{1,3}[^\d,;|]{2,40}[,;|] ?\d{1,2}[ =:.)-]{1,3}[^\d,;|]{2,40}[,;|] ?\d{1,2}\b"
)
"""What explains codes one after another: `1 none, 2 some, 3 all`."""
_LETTER = re.compile(r"[^\W\d_]")


def rows_score(table: Table, codes: Collection[str], find: Callable[[str], Sequence[Hit]]) -> int:
    """The score of a table's rows. `codes`: those that the text explains; `find`: the terms of a cell."""
    person = person_columns(table)
    if not person:
        return _opaque(table, codes, find)
    if is_codebook(table, person) or any(OFFICE.search(head) for head in table.head):
        return 0
    heads = (*table.head, *[""] * max((len(row) for row in table.rows), default=0))
    asked = [_asks(head, codes, find) for head in heads]
    hits = 0
    for row in table.rows:
        named = [at for at in person if at < len(row) and names_somebody(row[at], by_head=person[at])]
        others = (at for at in range(len(row)) if at not in named) if named else ()
        if any(len(cell) <= 40 and OFFICE.search(cell) for cell in row):
            continue
        if any(len(cell) <= 20 and _WORK.match(cell) for cell in row):
            continue
        hits += any(_assigns(heads[at], asked[at], row[at], codes, find) for at in others)
    return ROWS_SCORE if hits > 1 else ONE_SCORE if hits else 0


def _asks(head: str, codes: Collection[str], find: Callable[[str], Sequence[Hit]]) -> str:
    """Whether a column says that it is about something sensitive (`clear`), or might be (`soft`)."""
    plain = SPACES.sub("_", head.strip().casefold())
    if not plain or (_WORK.search(head) and plain not in codes):
        return ""
    hits = find(head)
    if plain in codes or any(hit.strength not in {WEAK, SOFT, PLACE} for hit in hits):
        return CLEAR
    if plain in TOPICS or TOPICS & set(plain.split("_")) or any(hit.strength == SOFT for hit in hits):
        return SOFT
    return ""


def _assigns(
    head: str, asked: str, cell: str, codes: Collection[str], find: Callable[[str], Sequence[Hit]]
) -> bool:
    """Whether a cell says something sensitive of whoever its row is about."""
    plain = cell.strip().casefold()
    if plain in _NOTHING:
        return False
    if plain in codes or plain in BY_ITSELF or _SIDE.match(plain) or DIAGNOSIS.match(cell.strip()):
        return True
    if _WORK.search(head):
        return False
    hits = find(cell)
    if any(assigning(hit, hits, cell, by_itself=True) for hit in hits) and not _TITLE.search(plain):
        return True
    if asked == CLEAR:
        return _LETTER.search(cell) is not None or plain in {"1", "yes", "true"} or bool(_DEGREE.match(plain))
    return asked == SOFT and any(
        hit.strength == WEAK and hit.end - hit.start + 3 >= len(plain) for hit in hits
    )


def _opaque(table: Table, codes: Collection[str], find: Callable[[str], Sequence[Hit]]) -> int:
    """Rows of numbers, handles or codes that each stand once, before something that is assigned."""
    first = [row[0].strip() for row in table.rows]
    head = table.head[0].casefold() if table.head else ""
    if len(first) < 2 or len(set(first)) < len(first) or head in GROUP_HEADS | COUNT_HEADS:
        return 0
    if not all(_OPAQUE.match(cell) for cell in first) or all(_YEAR.match(cell) for cell in first):
        return 0
    if is_codebook(table, {0: False}) or are_counts(table):
        return 0
    if any(_ENUMERATES.search(cell) for row in table.rows for cell in row):
        return 0
    heads = (*table.head, *[""] * max(map(len, table.rows)))
    if any(is_count_head(head.casefold()) for head in table.head):
        return 0
    asked = [_asks(head, codes, find) for head in heads]
    hits = sum(
        any(_assigns(heads[at], asked[at], cell, codes, find) for at, cell in enumerate(row) if at)
        for row in table.rows
    )
    return ROWS_SCORE if hits > 1 else ONE_SCORE if hits else 0
