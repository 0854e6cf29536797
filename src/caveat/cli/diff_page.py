"""A difference of two bundles as one page that a lawyer can read: no script, nothing loaded."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from caveat.cli.diff_words import VERDICTS, change_sentence, headline, red_line_sentence, value_words
from caveat.policy.bundle import Bundle

if TYPE_CHECKING:
    from caveat.analysis.changed_use import ChangedUse
    from caveat.analysis.difference import ClauseChange, Difference, ScenarioVerdict, Side

_SETTLED = "Each use was decided by the live engine of both bundles before it was printed."
_STYLE = (
    "body{font:16px/1.5 Georgia,serif;max-width:74rem;margin:2.5rem auto;padding:0 1.5rem;color:#1b1f24}"
    "h1,h2,th,.mark{font-family:system-ui,sans-serif;line-height:1.25}"
    "h2{margin-top:2.4rem;border-bottom:1px solid #d0d7de;padding-bottom:.2rem}"
    "table{border-collapse:collapse;width:100%;font-size:15px}"
    "th,td{border:1px solid #d0d7de;padding:.5rem .65rem;text-align:left;vertical-align:top}"
    "th{background:#f3f5f7;font-size:13px}"
    "td.text{width:34%}ol{padding-left:1.4rem}li{margin:.7rem 0}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.05rem .9rem;margin:.3rem 0;font-size:15px}"
    "dt{color:#57606a}dd{margin:0}"
    ".mark{display:inline-block;border-radius:.3rem;padding:.05rem .5rem;font-size:13px;font-weight:600}"
    ".deny{background:#ffebe9;color:#a40e26}.allow{background:#dafbe1;color:#116329}"
    ".needs_approval,.needs_evidence{background:#fff8c5;color:#6b4f00}"
    ".lead{background:#f3f5f7;border-left:4px solid #57606a;padding:.6rem 1rem}"
    ".weaker{border-left-color:#a40e26}.small{color:#57606a;font-size:14px}code{overflow-wrap:anywhere}"
)


def render_page(difference: "Difference", old: Bundle, new: Bundle) -> str:
    """The whole page; every text of the bundles is escaped."""
    title = f"{old.manifest.name} {old.manifest.release}: what the edit opens"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="small">Old: {_bundle(old)}. New: {_bundle(new)}.</p>',
        *_lead(difference),
        "<h2>Red lines</h2>",
        _table(
            ("Red line", "What it says", "Result"),
            [
                (line.id, _line_text(line.id, old, new), red_line_sentence(line))
                for line in difference.red_lines
            ],
        ),
        *_side("Uses that were stopped and are now let through", difference.opened),
        *_side("Uses that were let through and are now stopped", difference.closed),
        *_changes(difference.clauses),
        *_others(difference),
        *_verdicts("Scenarios", difference.scenarios),
        *_verdicts("Recorded uses", difference.records),
        f'<p class="small">{_SETTLED} Solver: {escape(difference.solver)}.</p>',
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _bundle(bundle: Bundle) -> str:
    state = "a draft" if bundle.unsigned or bundle.unsafe else "signed"
    name = escape(f"{bundle.manifest.name} {bundle.manifest.release}")
    return f"{name}, {state}, <code>{bundle.digest}</code>"


def _lead(difference: "Difference") -> Iterable[str]:
    kind = "lead weaker" if difference.weaker is not False else "lead"
    lines = "<br>".join(escape(_capital(sentence)) + "." for sentence in headline(difference))
    return (f'<p class="{kind}">{lines}</p>',)


def _line_text(name: str, old: Bundle, new: Bundle) -> str:
    texts = {clause.clauses[0]: clause.text for bundle in (new, old) for clause in bundle.red_lines}
    return texts.get(name, "")


def _side(title: str, side: "Side") -> Iterable[str]:
    if not side.uses:
        proved = {True: "None: proved.", False: "", None: "Unknown: the solver did not answer in time."}
        return (f"<h2>{title}</h2>", f"<p>{proved[side.complete]}</p>")
    more = {
        True: "",
        False: "There are more of the same kind.",
        None: "There may be more: not answered in time.",
    }
    items = "\n".join(_use(use) for use in side.uses)
    return (f"<h2>{title}</h2>", f"<ol>{items}</ol>", f'<p class="small">{more[side.complete]}</p>')


def _use(use: "ChangedUse") -> str:
    facts = "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(value_words(value))}{_told(use, name)}</dd>"
        for name, value in use.truth.items()
    )
    notes = [f"inside red line {use.red_line}"] if use.red_line else []
    notes += [f"with the approval of {' and '.join(sorted(use.approvals))}"] if use.approvals else []
    before = _mark(use.before.verdict.value, use.before.clauses, use.before.approvals)
    after = _mark(use.after.verdict.value, use.after.clauses, use.after.approvals)
    extra = f" <em>{escape('; '.join(notes))}</em>" if notes else ""
    return f"<li>Before: {before} Now: {after}{extra}<dl>{facts}</dl></li>"


def _told(use: "ChangedUse", name: str) -> str:
    said = use.said.get(name)
    if said is None or said.value == use.truth.get(name):
        return ""
    return escape(f" – but the gateway is told {value_words(said.value)}, and believes it")


def _mark(verdict: str, clauses: Iterable[str], roles: Iterable[str]) -> str:
    asked = ", ".join(roles)
    text = VERDICTS[verdict] + (f" ({asked})" if asked else "")
    by = ", ".join(clauses)
    return f'<span class="mark {verdict}">{escape(text)}</span>' + (f" under {escape(by)}." if by else ".")


def _changes(changes: Iterable["ClauseChange"]) -> Iterable[str]:
    rows = [
        (f"{change.kind} {change.id}", change.before or "–", change.after or "–", change_sentence(change))
        for change in changes
    ]
    if not rows:
        return ()
    return ("<h2>What changed</h2>", _table(("Part", "Old text", "New text", "Effect"), rows))


def _others(difference: "Difference") -> Iterable[str]:
    rows = [
        (f"{other.kind} {other.id}", other.action, "yes" if other.verdicts else "no", other.needs)
        for other in difference.others
    ]
    if not rows:
        return ()
    return (
        "<h2>What no clause shows</h2>",
        _table(("Part", "Change", "Could change a verdict", "Signatures it needs"), rows),
    )


def _verdicts(title: str, rows: Iterable["ScenarioVerdict"]) -> Iterable[str]:
    every = list(rows)
    changed = [
        (row.id, VERDICTS[row.before], VERDICTS[row.after]) for row in every if row.before != row.after
    ]
    if not every:
        return ()
    return (
        f"<h2>{title}</h2>",
        f"<p>{len(changed)} of {len(every)} change.</p>"
        if title == "Scenarios"
        else f"<p>{len(changed)} change.</p>",
        _table(("Id", "Before", "Now"), changed) if changed else "",
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "\n".join(
        "<tr>"
        + "".join(f"<td>{escape(_capital(cell) if place else cell)}</td>" for place, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
