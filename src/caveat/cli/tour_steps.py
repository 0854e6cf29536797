"""The steps of the tour: the same words, different facts. Each step says what must come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import orjson

from caveat.cli.development import Development
from caveat.evidence.manifest import Manifest, rows_manifest
from caveat.evidence.rows import read_rows
from caveat.evidence.statement import FactValue, Scope, Statement, Subject, mint_envelope
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest, sha256

WORDS = "Answer in one short sentence: what is this table about?"
DEPLOYMENT = "benefits-office"
FIRST_USE = "first-use.json"
"""Where the body of the first step is kept, below the data folder."""

_OWN = "case,programme,amount,month\nA-101,housing benefit,410,March\nA-102,housing benefit,385,March\n"
_SURVEY = "case,satisfaction with the office,waiting minutes\nS-1,high,10\nS-2,low,55\nS-3,high,15\n"
_BOUGHT = "case,income,shop\nB-1,2100,grocery\nB-2,1800,grocery\n"

_LIST = "case,programme,amount,month\n" + "".join(
    f"C-{n},housing benefit,{300 + n % 90},{('March', 'April', 'May')[n % 3]}\n" for n in range(300)
)
_HUNDRED = "".join(_LIST.splitlines(keepends=True)[:101])
_FOREIGN = _HUNDRED.replace("C-7,", "X-7,")
_MANY = "case,e-mail,amount\n" + "".join(f"D-{n},person-{n}@example.org,{300 + n}\n" for n in range(400))
_SALT = b"salt of the tour"

Said = Mapping[str, Mapping[str, FactValue]]
"""Facts by the role of the issuer who attests them."""

_ASKED: Mapping[str, FactValue] = {"task": "summarize_document", "selection_criteria": "specific_selector"}


@dataclass(frozen=True, slots=True)
class Step:
    """One use: its table, what issuers attest of it, what the caller claims, and what must come out.

    `tamper` changes the table after it was attested; `forge` breaks the first signature. `listed`: the table
    whose rows were attested, of which `table` is a selection. `approve`: what the person does who is asked,
    before the same is sent again.
    """

    title: str
    table: str
    verdict: str
    clauses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    attested: Said = field(default_factory=dict[str, Mapping[str, FactValue]])
    claims: Mapping[str, Json] = field(default_factory=dict[str, Json])
    tamper: bool = False
    forge: bool = False
    listed: str = ""
    approve: Literal["", "at a glance", "after reading"] = ""


_OFFICE: Said = {
    "registrar": _ASKED,
    "data_owner": {
        "data_category": frozenset({"personal_financial"}),
        "acquisition_channel": "first_party",
        "subjects_jurisdiction": "domestic",
        "purpose_compatible": True,
    },
}
_CONSENTED: Said = {
    "registrar": _ASKED,
    "data_owner": {
        "data_category": frozenset({"public_posts"}),
        "acquisition_channel": "consented",
        "consent_basis": "explicit_specific",
        "subjects_jurisdiction": "domestic",
        "purpose_compatible": True,
    },
}
_BULK: Said = {
    "registrar": _ASKED,
    "data_owner": {
        "data_category": frozenset({"personal_financial"}),
        "acquisition_channel": "bulk_purchased",
        "subjects_jurisdiction": "domestic",
        "consent_basis": "broad_terms",
        "subject_count": 240_000,
    },
}
_NOBODY: Said = {
    "registrar": _ASKED,
    "data_owner": {
        "data_category": frozenset({"none"}),
        "acquisition_channel": "first_party",
        "subjects_jurisdiction": "none",
        "purpose_compatible": True,
    },
}
_FEW: Said = {
    "registrar": _ASKED,
    "data_owner": {
        "data_category": frozenset({"personal_financial"}),
        "acquisition_channel": "purchased",
        "subjects_jurisdiction": "domestic",
        "subject_count": 800,
    },
}

STEPS = (
    Step("the office's own records, attested", _OWN, "allow", ("P05", "P15"), attested=_OFFICE),
    Step(
        "a survey, nothing proved",
        _SURVEY,
        "needs_evidence",
        ("P22",),
        needs=("task", "data_category"),
    ),
    Step("the same survey, consent attested", _SURVEY, "allow", ("P05", "P17"), attested=_CONSENTED),
    Step(
        "one byte changed after it was attested",
        _SURVEY,
        "needs_evidence",
        ("P22",),
        needs=("task", "data_category"),
        attested=_CONSENTED,
        tamper=True,
    ),
    Step("800 bought records", _BOUGHT, "needs_approval", ("P13",), attested=_FEW),
    Step(
        "the same, approved at a glance",
        _BOUGHT,
        "needs_approval",
        ("P13",),
        attested=_FEW,
        approve="at a glance",
    ),
    Step(
        "the same, approved after ten seconds",
        _BOUGHT,
        "allow",
        ("P05",),
        attested=_FEW,
        approve="after reading",
    ),
    Step("240,000 bought records: a red line", _BOUGHT + "B-3,950,café\n", "deny", ("R1.b",), attested=_BULK),
    Step(
        "the same, and the caller says consented",
        _BOUGHT + "B-3,950,café\n",
        "deny",
        ("P23", "R1.b"),
        attested=_BULK,
        claims={"acquisition_channel": "consented", "consent_basis": "explicit_specific"},
    ),
    Step(
        "a forged signature",
        _OWN + "A-103,housing benefit,120,March\n",
        "deny",
        ("P23",),
        attested=_OFFICE,
        forge=True,
    ),
    Step(
        "a hundred rows of an attested list",
        _HUNDRED,
        "allow",
        ("P05", "P15"),
        attested=_OFFICE,
        listed=_LIST,
    ),
    Step(
        "one foreign row among the hundred",
        _FOREIGN,
        "needs_evidence",
        ("P22",),
        needs=("data_category",),
        attested=_OFFICE,
        listed=_LIST,
    ),
    Step("400 persons attested as nobody's data", _MANY, "deny", ("P27",), attested=_NOBODY),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a step sends: a body for chat completions, and envelopes for the evidence header.

    `manifest`: what it uploads before, after the envelopes; empty where evidence is of the whole table.
    """

    body: bytes
    envelopes: tuple[bytes, ...]
    manifest: bytes = b""


def step_request(step: Step, world: Development, now: datetime, model: str) -> Request:
    """The request of a step, its attestations freshly signed by the world's issuers."""
    manifest = _manifest(step.listed) if step.listed else None
    subject = sha256(step.table.encode()) if manifest is None else manifest.digest
    envelopes = [
        _attest(world, role, facts, step, subject, now) for role, facts in sorted(step.attested.items())
    ]
    if step.forge:
        envelopes[0] = _forged(envelopes[0])
    table = step.table.replace("high", "High", 1) if step.tamper else step.table
    body: dict[str, object] = {
        "model": model,
        "max_tokens": 40,
        "temperature": 0,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": WORDS}, {"type": "text", "text": table}]}
        ],
        "caveat": {
            "claims": dict(step.claims),
            "data": [{"part": "/messages/0/content/1", "media_type": "text/csv"}],
        },
    }
    return Request(orjson.dumps(body), tuple(envelopes), b"" if manifest is None else manifest.render())


def _manifest(listed: str) -> Manifest:
    rows = read_rows(listed)
    return rows_manifest(rows, rows[0].columns, _SALT)


def _attest(
    world: Development,
    role: str,
    facts: Mapping[str, FactValue],
    step: Step,
    subject: Digest,
    now: datetime,
) -> bytes:
    statement = Statement(
        issuer=world.issuers[role],
        subjects=(Subject("table.csv", subject),),
        facts=facts,
        audience=(DEPLOYMENT,),
        issued_at=now.astimezone(UTC).replace(microsecond=0) - timedelta(minutes=1),
        expires_at=now.astimezone(UTC).replace(microsecond=0) + timedelta(days=30),
        id=f"tour-{role}-{sha256(subject.encode() + orjson.dumps(sorted(facts)))[:16]}",
        source=f"tour:{_source_of(step.table)}" if role == "data_owner" else None,
        scope=dict.fromkeys(facts, Scope.EACH) if step.listed else {},
    )
    return mint_envelope(statement, [world.issuer_keys[role]])


def _source_of(table: str) -> str:
    """A lineage root for the table: cases of one kind come from one source."""
    first_row = table.splitlines()[1]
    return first_row.partition("-")[0]


def _forged(envelope: bytes) -> bytes:
    """The envelope with one character of its signature changed: it names a key and fails under it."""
    document = orjson.loads(envelope)
    signature: str = document["signatures"][0]["sig"]
    document["signatures"][0]["sig"] = (
        signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    )
    return orjson.dumps(document)
