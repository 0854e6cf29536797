"""`caveat terms` on the command line: a negotiation by both sides, imports, proofs, and what each refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from caveat.ledger.folder import CHECKPOINT
from tests.cli.calling import Caveat, write
from tests.negotiation.mails import NAME, dkim_record, dkim_signed, mail, rsa_key
from tests.negotiation.talks import DRAFT, KEYS, LOG_KEY, STRANGER, STRICTER, WITHOUT_C5

PARTIES_TOML = "version = 1\n" + "".join(
    f'[parties.{name}]\nkeys = ["{key.public().render()}"]\n' for name, key in KEYS.items()
)


class Table:
    """A folder with two drafts, the keys of both sides and of the log, and the verbs bound to them."""

    def __init__(self, root: Path, caveat: Caveat) -> None:
        self.root, self.caveat, self.talks = root, caveat, root / "talks"
        self.draft, self.stricter = write(root / "draft", DRAFT), write(root / "stricter", STRICTER)
        self.without = write(root / "without", WITHOUT_C5)
        for name, key in {**KEYS, "log": LOG_KEY, "stranger": STRANGER}.items():
            (root / f"{name}.pem").write_bytes(key.pem())
        (root / "parties.toml").write_text(PARTIES_TOML)
        (root / "dkim.txt").write_bytes(dkim_record(rsa_key()) + b"\n")

    def act(
        self, verb: str, party: str, *arguments: object, key: str | None = None, json_too: bool = True
    ) -> Any:
        options = ["--as", party, "--key", self.root / f"{key or party}.pem"]
        return self.say(verb, *arguments, *options, as_json=json_too)

    def say(self, verb: str, *arguments: object, as_json: bool = True) -> Any:
        said = self.caveat("terms", verb, *arguments, *(["--json"] if as_json else []))
        assert said.code in (0, 1), said.err
        assert "Traceback" not in said.err
        return {"code": said.code} | (json.loads(said.out) if as_json else {"text": said.out})

    @property
    def log(self) -> tuple[object, ...]:
        return ("--log-key", self.root / "log.pem")

    @property
    def first(self) -> tuple[object, ...]:
        return (*self.log, "--id", "example.org/talks-1", "--parties", self.root / "parties.toml")

    def begin(self) -> Any:
        return self.act("offer", "provider", self.talks, self.draft, "--to", "customer", *self.first)


@pytest.fixture
def table(tmp_path: Path, caveat: Caveat) -> Table:
    return Table(tmp_path, caveat)


def test_an_offer_is_countered_accepted_and_shown_with_what_changed(table: Table) -> None:
    assert table.begin()["recorded"]
    assert table.act("counter", "customer", table.talks, table.stricter, *table.log)["code"] == 0
    assert table.act("accept", "provider", table.talks, *table.log, "--note", "agreed")["code"] == 0
    shown = table.say("show", table.talks)
    assert [act["act"] for act in shown["acts"]] == ["offer", "counter", "accept"]
    assert [act["state"] for act in shown["acts"]] == [
        {"customer": "countered"},
        {"provider": "accepted"},
        {},
    ]
    assert {"kind": "limit", "id": "many", "difference": "changed", "to": None} in shown["acts"][1]["changes"]
    text = table.say("show", table.talks, as_json=False)["text"]
    assert "limit many: changed" in text
    assert "by meaning: " in text
    assert "note: 'agreed'" in text
    assert table.caveat("ledger", "verify", table.talks).code == 0


@pytest.mark.parametrize("verb", ["accept", "refuse"])
def test_ones_own_offer_is_not_answered(table: Table, verb: str) -> None:
    record = table.begin()["act"]["record"]
    refused = table.act(verb, "provider", table.talks, "--answers", record, *table.log)
    assert (refused["code"], refused["refused"]["code"]) == (1, "own_offer")
    assert len(table.say("show", table.talks)["acts"]) == 1


def test_a_key_that_is_not_the_partys_signs_nothing(table: Table) -> None:
    table.begin()
    refused = table.act("refuse", "customer", table.talks, *table.log, key="stranger")
    assert (refused["code"], refused["refused"]["code"]) == (1, "not_signed")


def test_an_issuers_key_of_the_terms_is_no_partys(table: Table) -> None:
    key = KEYS["customer"].public().render()
    trust = (
        'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\n[issuers.owner]\nrole = "issuer"\n'
        f'party = "customer"\nkey = "{key}"\npurpose = "evidence"\nfacts = ["kinds"]\n'
        'namespaces = ["*"]\nmax_age_seconds = 1000\nmax_lifetime_seconds = 1000\n'
    )
    (table.draft / "trust.toml").write_text(trust)
    assert table.begin()["refused"]["code"] == "key_reused"
    assert not table.talks.exists()


def test_a_first_act_that_is_refused_begins_nothing(table: Table) -> None:
    first = ("--log-key", table.root / "customer.pem", *table.first[2:])
    refused = table.act("offer", "provider", table.talks, table.draft, "--to", "provider", *first)
    assert refused["code"] == 1
    assert not table.talks.exists()


def test_an_act_signed_elsewhere_is_imported_as_its_partys_own(table: Table) -> None:
    table.begin()
    out = table.root / "counter.dsse.json"
    table.act("counter", "customer", table.talks, table.stricter, "--out", out)
    assert len(table.say("show", table.talks)["acts"]) == 1
    wrong = table.say("import", table.talks, out, "--terms", table.draft, *table.log)
    assert wrong["refused"]["code"] == "other_files"
    table.caveat.mistaken("terms", "import", table.talks, out, *table.log)
    imported = table.say("import", table.talks, out, "--terms", table.stricter, *table.log)
    assert (imported["act"]["act"], imported["act"]["party"]) == ("counter", "customer")
    again = table.say("import", table.talks, out, "--terms", table.stricter, *table.log)
    assert again["refused"]["code"] == "repeated"


def test_the_same_terms_offered_to_two_parties_are_compared(table: Table) -> None:
    table.begin()
    table.act("offer", "provider", table.talks, table.draft, "--to", "agency", *table.log)
    assert table.say("show", table.talks, "--compare", "customer", "agency")["equal"]
    table.act("offer", "provider", table.talks, table.without, "--to", "agency", *table.log)
    compared = table.say("show", table.talks, "--compare", "customer", "agency")
    assert (compared["code"], compared["equal"]) == (1, False)
    assert compared["changes"] == [{"kind": "clause", "id": "C5", "difference": "removed", "to": None}]
    assert compared["meaning"]["equivalent"] is False
    assert "the two bundles decide differently: " in compared["meaning"]["text"]
    text = table.say("show", table.talks, "--compare", "customer", "agency", as_json=False)["text"]
    assert "clause C5: removed" in text
    table.caveat.mistaken("terms", "show", table.talks, "--compare", "customer", "nobody")


def test_two_negotiations_are_compared(table: Table) -> None:
    table.begin()
    other = table.root / "other"
    first = (*table.log, "--id", "example.org/talks-2", "--parties", table.root / "parties.toml")
    table.act("offer", "provider", other, table.stricter, "--to", "agency", *first)
    compared = table.say("show", table.talks, "--compare", "customer", other)
    assert not compared["equal"]
    record = compared["a"]["record"]
    assert table.say("show", table.talks, "--compare", record, "customer")["equal"]


def test_a_proof_is_made_and_verified_offline(table: Table) -> None:
    table.begin()
    out, key = table.root / "proof.json", table.talks / "log.pub"
    made = table.say("prove", table.talks, "--offered", table.draft, "--clause", "C5", "--out", out)
    assert made["claim"]["party"] == "provider"
    held = table.talks / CHECKPOINT
    checked = table.say(
        "prove", "--verify", out, "--key", key, "--parties", table.root / "parties.toml", "--held", held
    )
    assert checked["claim"] == made["claim"]
    text = table.say("prove", "--verify", out, "--key", key.read_text().strip(), as_json=False)["text"]
    assert "assuming: this log is the only one with this key" in text
    out.write_bytes(out.read_bytes().replace(b'"clause":"C5"', b'"clause":"C6"'))
    assert table.say("prove", "--verify", out, "--key", key)["refused"]["code"] == "clause_missing"


def test_absence_is_proved_until_the_clause_is_offered(table: Table) -> None:
    table.act("offer", "provider", table.talks, table.without, "--to", "customer", *table.first)
    out = table.root / "absent.json"
    arguments = ("prove", table.talks, "--absent", "--clause", "C5", "--like", table.draft, "--out", out)
    assert table.say(*arguments)["code"] == 0
    early = ("--never-before", "2020-01-01T00:00:00Z", "--clause", "C5", "--out", out)
    assert table.say("prove", table.talks, *early)["claim"]["offers"] == 0
    table.act("counter", "customer", table.talks, table.draft, *table.log)
    out.unlink()
    assert table.say(*arguments)["refused"]["code"] == "clause_stood"
    assert not out.exists()


def test_a_signed_mail_is_imported_as_proof_and_an_altered_one_is_not(table: Table) -> None:
    table.begin()
    pin = ("--dkim-key", f"{NAME}={table.root / 'dkim.txt'}", *table.log)
    good, bad, plain = (table.root / name for name in ("good.eml", "bad.eml", "plain.eml"))
    good.write_bytes(dkim_signed(mail()))
    bad.write_bytes(dkim_signed(mail()).replace(b"terms attached", b"terms detached"))
    plain.write_bytes(mail())
    altered = table.act("import", "customer", table.talks, bad, *pin)
    assert (altered["code"], altered["refused"]["code"], altered["recorded"]) == (1, "altered_body", False)
    unsigned = table.act("import", "customer", table.talks, plain, *pin, "--require-proof")
    assert (unsigned["code"], unsigned["refused"]["code"]) == (1, "no_proof")
    assert len(table.say("show", table.talks)["acts"]) == 1
    assert table.act("import", "customer", table.talks, plain, *pin)["act"]["document"]["grade"] == "claimed"
    assert table.act("import", "provider", table.talks, good, *pin)["act"]["document"]["grade"] == "attested"
    again = table.act("import", "provider", table.talks, good, *pin)
    assert again["refused"]["code"] == "repeated"
    text = table.say("show", table.talks, as_json=False)["text"]
    assert "claimed (no proof" in text
    assert "attested (checked)" in text
    assert table.caveat("ledger", "verify", table.talks).code == 0
    absent = table.say(
        "prove", table.talks, "--absent", "--clause", "C9", "--out", table.root / "absent.json"
    )
    assert any("2 imported documents" in line for line in absent["assumes"])


def test_a_hostile_mail_is_refused_by_name(table: Table) -> None:
    table.begin()
    hostile = table.root / "hostile.eml"
    hostile.write_bytes(b"From: a@b\r\nSubject: a\rFrom: c@d\r\n\r\nx")
    refused = table.act("import", "customer", table.talks, hostile, *table.log)
    assert (refused["code"], refused["refused"]["code"]) == (1, "control_characters")
    text = table.act("import", "customer", table.talks, hostile, *table.log, json_too=False)["text"]
    assert text.startswith("✗ control_characters: ")


def test_a_changed_folder_does_not_hold(table: Table) -> None:
    record = table.begin()["act"]
    terms = table.talks / "bundles" / record["terms"] / "facts.toml"
    terms.write_bytes(terms.read_bytes() + b"\n")
    shown = table.say("show", table.talks)
    assert (shown["code"], shown["refused"]["code"]) == (1, "broken_log")
    refused = table.act("accept", "customer", table.talks, *table.log)
    assert refused["refused"]["code"] == "broken_log"


def test_the_parties_of_a_begun_negotiation_cannot_be_exchanged(table: Table) -> None:
    table.begin()
    file = table.talks / "negotiation.json"
    swapped = file.read_text().replace(KEYS["agency"].public().render(), STRANGER.public().render())
    assert swapped != file.read_text()
    file.write_text(swapped)
    assert table.say("show", table.talks)["refused"]["code"] == "broken_log"


@pytest.mark.parametrize(
    "arguments",
    [
        ("offer", "talks", "draft", "--to", "customer", "--as", "provider", "--key", "provider.pem"),
        (
            "offer",
            "talks",
            "draft",
            "--to",
            "customer",
            "--as",
            "provider",
            "--key",
            "provider.pem",
            "--log-key",
            "log.pem",
        ),
        ("offer", "talks", "nowhere", "--to", "customer", "--as", "provider", "--key", "provider.pem"),
        ("accept", "talks", "--as", "customer", "--key", "customer.pem", "--log-key", "log.pem"),
        ("show", "talks"),
        ("show", "talks", "--key", "nonsense+x+y"),
        ("import", "talks", "draft/bundle.toml", "--log-key", "log.pem"),
        ("prove", "talks"),
        ("prove", "talks", "--offered", "draft", "--absent", "--clause", "C1", "--out", "x"),
        ("prove", "talks", "--absent", "--out", "x"),
        ("prove", "--verify", "draft/bundle.toml"),
    ],
)
def test_a_mistake_is_one_line_and_a_hint(
    table: Table, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.root)
    table.caveat.mistaken("terms", *arguments)


def test_mistakes_with_a_begun_negotiation(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    table.begin()
    monkeypatch.chdir(table.root)
    mistaken = table.caveat.mistaken
    mistaken("terms", "accept", "talks", "--as", "customer", "--key", "customer.pem")
    mistaken("terms", "accept", "talks", "--as", "agency", "--key", "agency.pem", "--log-key", "log.pem")
    mistaken("terms", "accept", "talks", "--as", "nobody", "--key", "agency.pem", "--log-key", "log.pem")
    mistaken(
        "terms", "accept", "talks", "--as", "customer", "--key", "customer.pem", "--log-key", "stranger.pem"
    )
    mistaken("terms", "prove", "talks", "--never-before", "soon", "--clause", "C1", "--out", "x")
    mistaken("terms", "prove", "talks", "--absent", "--clause", "C99", "--like", "draft", "--out", "x")
    mistaken("terms", "import", "talks", "parties.toml", "--log-key", "log.pem")
    document = ("terms", "import", "talks", "parties.toml", "--as", "customer", "--key", "customer.pem")
    mistaken(*document, "--log-key", "log.pem", "--dkim-key", "nonsense")
    mistaken(*document, "--log-key", "log.pem", "--certificate", "parties.toml")
