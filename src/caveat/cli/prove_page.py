"""A proof as one page that a lawyer can read: no script, nothing loaded, all of it escaped."""

from html import escape

from caveat.cli.prove_picture import cut_picture
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
from caveat.policy.clause import Clause
from caveat.signing.canonical import Json, JsonObject

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--head:#f3f5f7;
--good:#116329;--bad:#a40e26;--doubt:#7d4e00;--amend:#0b5cad;--lie:#8250df;--operate:#9a6700}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--paper:#14171b;--line:#3a424b;
--head:#1f242a;--good:#56d364;--bad:#ff7b86;--doubt:#e3b341;--amend:#6cb6ff;--lie:#cb9eff;--operate:#e3b341}}
*{box-sizing:border-box}body{font:16px/1.55 Georgia,"Times New Roman",serif;max-width:64rem;
margin:2.5rem auto;padding:0 1.25rem;color:var(--ink);background:var(--paper)}
h1,h2,h3,th,.tag,svg text{font-family:system-ui,sans-serif}h1{line-height:1.2;margin-bottom:.3rem}
h2{margin-top:2.75rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}h3{margin:1.6rem 0 .3rem}
table{border-collapse:collapse;width:100%;font-size:.92rem;margin:.8rem 0}
th,td{border:1px solid var(--line);padding:.45rem .6rem;text-align:left;vertical-align:top}
th{background:var(--head)}
code{font-size:.84em;overflow-wrap:anywhere}.soft{color:var(--soft)}.holds{color:var(--good);font-weight:700}
.open{color:var(--bad);font-weight:700}.unknown{color:var(--doubt);font-weight:700}
.banner{border:2px solid var(--doubt);padding:.6rem .9rem;margin:1rem 0}
blockquote{margin:.5rem 0 .5rem 0;padding:.1rem 0 .1rem 1rem;border-left:3px solid var(--line)}
svg{width:100%;height:auto;margin:.6rem 0}svg text{font-size:14px;fill:var(--ink)}
svg rect{fill:var(--head);stroke:var(--line)}svg path{fill:none;stroke-width:2;opacity:.75}
path.amend{stroke:var(--amend)}path.lie{stroke:var(--lie);stroke-dasharray:7 4}
path.operate{stroke:var(--operate);stroke-dasharray:2 4}
circle.amend{fill:var(--amend)}circle.lie{fill:var(--lie)}circle.operate{fill:var(--operate)}
.scroll{overflow-x:auto}ul{padding-left:1.3rem}
@media print{body{max-width:none;margin:0}h2{break-after:avoid}tr,blockquote,svg{break-inside:avoid}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_page(bundle: Bundle, document: JsonObject) -> str:
    """The whole page."""
    title = f"What {bundle.manifest.name} {bundle.manifest.release} holds"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">Policy bundle <code>{escape(bundle.digest)}</code></p>',
        _banner(bundle),
        f"<p>{escape(bundle.manifest.text)}</p>",
        _summary(document),
        "<h2>Who could open a red line</h2>",
        (
            "<p>Solid: by amending what their signatures reach. Dashed: by lying as an issuer or an insider. "
            "Dotted: by running or building the gateway. Lines that meet in one point stand for people who "
            "would have to act together.</p>"
        ),
        cut_picture(document),
        *(_line(bundle, row) for row in rows(document["red_lines"])),
        _clauses(bundle, document),
        _purposes(document),
        _statements(document),
        _value(document),
        _grounds(document),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def _banner(bundle: Bundle) -> str:
    if not bundle.unsigned and not bundle.unsafe:
        return ""
    unsafe = "".join(f"<li>{escape(finding)}</li>" for finding in bundle.unsafe)
    return (
        f'<div class="banner"><strong>A draft.</strong> {len(bundle.unsigned)} parts lack consent; '
        f"it is not served.{f'<ul>{unsafe}</ul>' if unsafe else ''}</div>"
    )


def _answer(value: Json) -> str:
    word = ANSWERS[value] if isinstance(value, bool) else ANSWERS["unknown"]
    return f'<span class="{word}">{word}</span>'


def _table(head: list[str], body: list[list[str]]) -> str:
    """Cells of `body` are HTML already."""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body)
    return f'<div class="scroll"><table><tr>{titles}</tr>{lines}</table></div>'


def _summary(document: JsonObject) -> str:
    body = [
        [
            f"<strong>{escape(str(row['id']))}</strong> {escape(str(row['name']))}",
            *(_answer(table(row["holds"])[adversary]) for adversary in ADVERSARIES),
        ]
        for row in rows(document["red_lines"])
    ]
    head = ["Red line", *(f"against {words}" for words in ADVERSARIES.values())]
    return (
        "<h2>What holds</h2><p>A red line <em>holds</em> where it is proved that no use inside it gets "
        "through; it is <em>open</em> where a use is shown that does; and <em>unknown</em> where the solver "
        "gave no answer in time.</p>" + _table(head, body)
    )


def _line(bundle: Bundle, row: JsonObject) -> str:
    specification = [clause for clause in bundle.red_lines if clause.red_line == row["name"]]
    parts = [f"<h2>{escape(str(row['id']))}: {escape(str(row['name']))}</h2>"]
    parts += [f"<blockquote>{escape(clause.text)}</blockquote>" for clause in specification]
    parts.append(_consents(row))
    guards = table(row["guard_witnesses"])
    if guards:
        parts.append("<h3>Clauses that stand alone before it</h3>")
        parts.append(
            _table(
                ["Without", "this would get through"],
                [[escape(name), escape(use_sentence(table(use)))] for name, use in guards.items()],
            )
        )
    witnesses = rows(row["witnesses"])
    if witnesses:
        parts.append("<h3>Uses that get through</h3><ul>")
        for witness in witnesses:
            who = ADVERSARIES[str(witness["adversary"])]
            by = names(witness["by"])
            name = f"{who} ({together(by)})" if by else who
            parts.append(f"<li><strong>{escape(name)}</strong>: {escape(use_sentence(witness))}</li>")
        parts.append("</ul>")
    parts += [_openings(row), _quorums(row), _given(row)]
    return "\n".join(part for part in parts if part)


def _consents(row: JsonObject) -> str:
    consents = row["consents"]
    said = "No set of amending actors opens it" if consents is None else f"It takes {consents} to open it"
    limbs = "; ".join(
        f"{limb['id']}: {'nobody can' if limb['consents'] is None else limb['consents']}"
        for limb in rows(row["limbs"])
    )
    more = f" Consents to remove each of its clauses: {escape(limbs)}." if limbs else ""
    return f"<p>{escape(said)} by amendment.{more}</p>"


def _openings(row: JsonObject) -> str:
    body = [
        [
            escape(together(names(opening["by"]))),
            escape(act_sentence(table(opening["acts"])) or "lying, nothing amended"),
            escape(use_sentence(table(opening["witness"]))),
        ]
        for opening in rows(row["openings"])
    ]
    return "<h3>How it could be opened</h3>" + _table(["By", "doing", "then"], body) if body else ""


def _quorums(row: JsonObject) -> str:
    body = [
        [escape(insider), escape("none was found" if facts is None else ", ".join(names(facts)))]
        for insider, facts in table(row["quorums"]).items()
    ]
    head = ["Against", "ask a second, independent issuer for"]
    return "<h3>What would close the lies of one insider</h3>" + _table(head, body) if body else ""


def _given(row: JsonObject) -> str:
    given = table(row["given"])
    if not given:
        return ""
    who = escape(together(names(given["authorities"])))
    implied = given["implied"]
    if not isinstance(implied, bool):
        return f"<p>Whether {who} alone imply it is unknown.</p>"
    said = f"<p>{who} alone {'imply' if implied else 'do not imply'} this red line.</p>"
    use = given["witness"]
    return said + (f"<blockquote>{escape(use_sentence(use))}</blockquote>" if isinstance(use, dict) else "")


def _does(clause: Clause) -> str:
    if clause.redacts:
        return "redacts"
    return "permits" if clause.is_permit else "forbids"


def _clauses(bundle: Bundle, document: JsonObject) -> str:
    body: list[list[str]] = []
    for name in dict.fromkeys(name for clause in bundle.written for name in clause.clauses):
        parts = [clause for clause in bundle.written if name in clause.clauses]
        first = next((clause for clause in parts if clause.clauses[0] == name), parts[0])
        kinds = sorted({_does(clause) for clause in parts})
        amend = " and ".join(sorted({clause.amend_text for clause in parts}))
        body.append(
            [
                f"<strong>{escape(name)}</strong>",
                escape(first.text),
                escape("; ".join([" and ".join(kinds), *_effects(name, document)])),
                escape(first.authority),
                escape(amend),
            ]
        )
    body += [
        [
            f"<strong>{escape(row.id)}</strong>",
            escape(row.text),
            "the rule itself",
            escape(row.authority),
            escape(row.amend_text),
        ]
        for row in bundle.manifest.process
    ]
    head = ["Clause", "Text", "Effect", "Authority", "Who may amend it"]
    return "<h2>Each clause and its effect</h2>" + _table(head, body)


def _effects(name: str, document: JsonObject) -> list[str]:
    guarded = [str(row["id"]) for row in rows(document["red_lines"]) if name in names(row["sole_guards"])]
    found = [f"stands alone before {together(guarded)}"] if guarded else []
    for member, words in (
        ("never_fires", "never applies to any use"),
        ("redundant", "changes no verdict: others say the same"),
        ("can_be_switched_off", "some caller can always switch it off"),
        ("can_error", "can be an error, which denies"),
    ):
        if name in names(document[member]):
            found.append(words)
    return found


def _purposes(document: JsonObject) -> str:
    uses = table(document["uses"])
    closing = table(document["closing_cut_sets"])
    body: list[list[str]] = []
    for purpose, answer in table(document["useful"]).items():
        word = {True: "yes", False: "no"}.get(answer, "unknown") if isinstance(answer, bool) else "unknown"
        kind = {"yes": "holds", "no": "open"}.get(word, "unknown")
        use = uses.get(purpose)
        alone = "; ".join(together(each) for each in sets_of(closing.get(purpose)))
        body.append(
            [
                escape(purpose),
                f'<span class="{kind}">{word}</span>',
                escape(use_sentence(use)) if isinstance(use, dict) else "",
                escape(alone),
            ]
        )
    head = ["Purpose", "Permitted", "For example", "Who could close it"]
    return "<h2>What it is good for</h2>" + _table(head, body)


def _statements(document: JsonObject) -> str:
    body: list[list[str]] = []
    for row in rows(document.get("statements")):
        result = str(row["result"])
        kind = {"proved": "holds", "refuted": "open"}.get(result, "unknown")
        use = row.get("use")
        why = use_sentence(use) if isinstance(use, dict) else str(row.get("reason", ""))
        body.append([escape(str(row["says"])), f'<span class="{kind}">{escape(result)}</span>', escape(why)])
    return "<h2>What is said of it</h2>" + _table(["Sentence", "Result", "By"], body) if body else ""


def _value(document: JsonObject) -> str:
    value = table(document.get("value"))
    if not value:
        return ""
    body = [
        [escape(str(row["id"])), escape(", ".join(names(row["only"]))), escape(str(row["share"]))]
        for row in rows(value["clauses"])
    ]
    return (
        f"<h2>What only this clause holds back</h2><p>{value['held_back']} of {value['uses']} uses are held "
        "back. The share counts a use once, split among the clauses that hold it back.</p>"
        + _table(["Clause", "Uses that nothing else holds back", "Share"], body)
    )


def _grounds(document: JsonObject) -> str:
    solver = table(document["solver"])
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in names(document["assumptions"]))
    body = [
        [escape(str(row["id"])), escape(ADVERSARIES[adversary]), f"<code>{escape(str(digest))}</code>"]
        for row in rows(document["red_lines"])
        for adversary, digest in table(row["proofs"]).items()
    ]
    return (
        f"<h2>What this rests on</h2><p>{escape(str(solver['name']))}, {solver['queries']} queries, "
        f"{solver['unanswered']} unanswered.</p><ul>{items}</ul>"
        + _table(["Red line", "Holds against", "SHA-256 of the formula that has no solution"], body)
    )
