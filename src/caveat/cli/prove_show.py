"""A proof on the terminal: what holds against whom, who could open it, and what it rests on."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from caveat.cli.prove_words import (
    ADVERSARIES,
    ANSWERS,
    act_sentence,
    names,
    rows,
    sets_of,
    table,
    together,
    use_sentence,
)
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, JsonObject

_LISTS = (
    ("can_be_switched_off", "some caller can always switch off"),
    ("never_fires", "never fires"),
    ("redundant", "changes no verdict"),
    ("can_error", "can be an error"),
    ("omission_opens", "leaving it unsaid opens the gate"),
)


def show_proof(bundle: Bundle, document: JsonObject) -> None:
    """Prints the proof; short, since the page and the JSON have the rest."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_adversaries(bundle, document))
    for row in rows(document["red_lines"]):
        _show_line(console, row)
    for member, words in _LISTS:
        if found := names(document[member]):
            console.print(f"{words}: {escape(', '.join(found))}")
    _show_useful(console, document)
    _show_statements(console, document)
    _show_value(console, document)
    _show_grounds(console, bundle, document)


def _adversaries(bundle: Bundle, document: JsonObject) -> Table:
    shown = Table(
        title=escape(f"{bundle.manifest.name} {bundle.manifest.release}, digest {bundle.digest[:12]}…"),
        title_justify="left",
    )
    shown.add_column("red line", overflow="fold")
    for adversary in ADVERSARIES:
        shown.add_column(adversary)
    shown.add_column("consents", justify="right")
    for row in rows(document["red_lines"]):
        held = table(row["holds"])
        answers = [_word(held[adversary]) for adversary in ADVERSARIES]
        consents = "none opens it" if row["consents"] is None else str(row["consents"])
        shown.add_row(escape(f"{row['id']} {row['name']}"), *answers, consents)
    return shown


def _word(answer: Json) -> str:
    word = ANSWERS["unknown"] if not isinstance(answer, bool) else ANSWERS[answer]
    colour = {"holds": "green", "open": "red", "unknown": "yellow"}[word]
    return f"[{colour}]{word}[/]"


def _show_line(console: Console, row: JsonObject) -> None:
    console.print(f"\n[bold]{escape(str(row['id']))}[/] {escape(str(row['name']))}")
    if guards := names(row["sole_guards"]):
        console.print(escape(f"  stands alone before it: {', '.join(guards)}"))
    for opening in rows(row["openings"]):
        acts = act_sentence(table(opening["acts"]))
        done = f" ({acts})" if acts else " by lying"
        console.print(escape(f"  opened by {together(names(opening['by']))}{done}"))
    alone = [each[0] for each in sets_of(row["cut_sets_with_operator"]) if len(each) == 1]
    if alone:
        console.print(escape(f"  whoever runs or builds the gateway could alone: {', '.join(alone)}"))
    for insider, facts in table(row["quorums"]).items():
        needed = "no such facts" if facts is None else ", ".join(names(facts))
        console.print(escape(f"  a second issuer against {insider}: for {needed}"))
    for limb in rows(row["limbs"]):
        consents = "nobody" if limb["consents"] is None else str(limb["consents"])
        console.print(escape(f"  {limb['id']} can be removed with {consents} consents"))
    for witness in rows(row["witnesses"])[:1]:
        console.print(escape(f"  open to {ADVERSARIES[str(witness['adversary'])]}: {use_sentence(witness)}"))
    given = table(row["given"])
    if given:
        implied = {True: "imply it", False: "do not imply it"}.get(given["implied"] is True, "")
        said = implied if isinstance(given["implied"], bool) else "leave it unknown"
        console.print(escape(f"  {together(names(given['authorities']))} alone {said}"))
        if isinstance(given["witness"], dict):
            console.print(escape(f"    {use_sentence(given['witness'])}"))


def _show_useful(console: Console, document: JsonObject) -> None:
    useful = table(document["useful"])
    without = [name for name, answer in useful.items() if answer is not True]
    console.print(f"\n{len(useful) - len(without)} of {len(useful)} purposes have a permitted use")
    for name in without:
        answer = "unknown" if useful[name] == "unknown" else "none permitted"
        console.print(escape(f"  ✗ {name}: {answer}"))
    closing: dict[str, list[str]] = {}
    for purpose, sets in table(document["closing_cut_sets"]).items():
        for each in sets_of(sets):
            closing.setdefault(together(each), []).append(purpose)
    for members, purposes in closing.items():
        what = "every purpose" if len(purposes) == len(useful) else ", ".join(purposes)
        console.print(escape(f"  {members} could close {what}"))


def _show_statements(console: Console, document: JsonObject) -> None:
    for row in rows(document.get("statements")):
        mark = "✗" if row["result"] in ("refuted", "unknown") else "✓"
        console.print(escape(f"{mark} {row['id']}: {row['result']}. {row['says']}"))
        if isinstance(row.get("use"), dict) and row["result"] == "refuted":
            console.print(escape(f"    {use_sentence(table(row['use']))}"))


def _show_value(console: Console, document: JsonObject) -> None:
    value = table(document.get("value"))
    if not value:
        return
    shown = Table(title=f"{value['held_back']} of {value['uses']} uses are held back", title_justify="left")
    for column in ("clause", "nothing else holds back", "share"):
        shown.add_column(column, justify="left" if column == "clause" else "right")
    clauses = sorted(rows(value["clauses"]), key=lambda row: -_number(row["share"]))
    for row in clauses:
        if _number(row["share"]) > 0 or names(row["only"]):
            shown.add_row(
                escape(str(row["id"])), str(len(names(row["only"]))), f"{_number(row['share']):.2f}"
            )
    console.print(shown)


def _number(value: Json) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _show_grounds(console: Console, bundle: Bundle, document: JsonObject) -> None:
    solver = table(document["solver"])
    console.print(
        f"\n{solver['name']}, {solver['queries']} queries, {solver['unanswered']} unanswered; "
        "it rests on what follows"
    )
    for sentence in names(document["assumptions"]):
        console.print(escape(f"  · {sentence}"))
    for row in rows(document["red_lines"]):
        for adversary, digest in table(row["proofs"]).items():
            console.print(escape(f"  {row['id']} {adversary}: formula {digest}"))
    for finding in bundle.unsafe:
        console.print(escape(f"  unsafe: {finding}"))
    if bundle.unsigned or bundle.unsafe:
        console.print(f"  draft: {len(bundle.unsigned)} parts lack consent. A draft is not served.")
