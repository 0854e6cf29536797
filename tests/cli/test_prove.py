"""`caveat prove` on the command line: exit codes, certificates, statements, the page."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from caveat.analysis.certificate import sign_proof
from caveat.signing.keys import Algorithm, private_key_from_seed
from tests.cli.calling import Caveat
from tests.oracle.example import ROOT, files_of
from tests.policy.small import edited, small

AUDITOR = private_key_from_seed(Algorithm.ED25519, b"p" * 32)
OTHER = private_key_from_seed(Algorithm.ED25519, b"q" * 32)
TRUST = b'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\n'


def folder(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """The bundle on disk."""
    for path, data in {**files, "trust.toml": TRUST}.items():
        (tmp_path / "bundle" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bundle" / path).write_bytes(data)
    return tmp_path / "bundle"


def seeded(name: str) -> dict[str, bytes]:
    return files_of(ROOT / "conformance" / "bundles" / name)


def test_a_bundle_that_holds_exits_with_0_and_says_that_it_is_a_draft(caveat: Caveat, tmp_path: Path) -> None:
    said = caveat("prove", folder(tmp_path, small()))
    assert said.code == 0, said
    assert "A draft is not served." in said.out
    assert re.search(r"L1 honest: formula [0-9a-f]{64}", said.out)
    assert "z3 " in said.out


@pytest.mark.parametrize("name", ["claimed-fact", "unobserved-neutral", "loosening-screen"])
def test_an_open_red_line_exits_with_1_and_shows_a_use(caveat: Caveat, tmp_path: Path, name: str) -> None:
    said = caveat("prove", folder(tmp_path, seeded(name)), "--json")
    assert said.code == 1
    document = json.loads(said.out)
    assert document["version"] == 1
    assert document["holds"] is False
    (row,) = document["red_lines"]
    assert row["witnesses"]
    assert row["witnesses"][0]["replayed"] is True
    # A caller who opens it needs nobody's consent.
    assert (row["cut_sets"], row["consents"]) == ([[]], 0)


def test_formulas_are_written_by_their_digest(caveat: Caveat, tmp_path: Path) -> None:
    said = caveat("prove", folder(tmp_path, small()), "--json", "--formulas", tmp_path / "formulas")
    document = json.loads(said.out)
    digests = set(document["red_lines"][0]["proofs"].values())
    assert {path.stem for path in (tmp_path / "formulas").iterdir()} == digests
    for path in (tmp_path / "formulas").iterdir():
        assert "(check-sat)" in path.read_text()


def test_a_certificate_verifies_for_its_bundle_and_its_key_alone(caveat: Caveat, tmp_path: Path) -> None:
    bundle = folder(tmp_path, small())
    (tmp_path / "key.pem").write_bytes(AUDITOR.pem())
    out = tmp_path / "proof.dsse.json"
    assert caveat("prove", bundle, "--sign", tmp_path / "key.pem", "--out", out).code == 0
    key = AUDITOR.public().render()
    assert caveat("prove", bundle, "--verify", out, "--key", key).code == 0
    (tmp_path / "key.pub").write_text(key + "\n")
    assert caveat("prove", bundle, "--verify", out, "--key", tmp_path / "key.pub").code == 0
    wrong = caveat("prove", bundle, "--verify", out, "--key", OTHER.public().render(), "--json")
    assert wrong.code == 1
    assert json.loads(wrong.out)["verifies"] is False
    edited_files = edited("bundle.toml", "value = 10", "value = 9", small())
    other = folder(tmp_path / "other", edited_files)
    refused = caveat("prove", other, "--verify", out, "--key", key)
    assert refused.code == 1
    assert "not about this one" in refused.out


def test_a_certificate_that_was_altered_or_speaks_of_two_bundles_does_not_verify(
    caveat: Caveat, tmp_path: Path
) -> None:
    bundle = folder(tmp_path, small())
    document = json.loads(caveat("prove", bundle, "--json").out)
    key = AUDITOR.public().render()
    out = tmp_path / "proof.dsse.json"
    out.write_bytes(sign_proof(document, AUDITOR).replace(b'"payload":"e', b'"payload":"f'))
    assert caveat("prove", bundle, "--verify", out, "--key", key).code == 1
    out.write_bytes(sign_proof({**document, "bundle": "0" * 64}, AUDITOR))
    assert caveat("prove", bundle, "--verify", out, "--key", key).code == 1
    out.write_bytes(b"{}")
    assert caveat("prove", bundle, "--verify", out, "--key", key).code == 1


SENTENCES = """
version = 1
[[statement]]
id = "never-many"
says = "Never more than ten."
kind = "never"
when = "context.persons > 10"
[[statement]]
id = "counsel"
says = "Bought only with counsel."
kind = "only_with_approval"
role = "counsel"
when = 'context.channel == "bought"'
[[statement]]
id = "some"
says = "Given is possible."
kind = "possible"
when = 'context.channel == "given"'
[[statement]]
id = "line"
says = "The line holds."
kind = "holds_against"
red_line = "line"
adversary = "liar"
[[statement]]
id = "limb"
says = "Two consents."
kind = "consents"
red_line = "C1"
at_least = 2
[[statement]]
id = "truth"
says = "It is good."
kind = "not_expressible"
reason = "no fact says what is good"
"""
REFUTED = {
    "never-many": ("persons > 10", "persons > 9"),
    "counsel": ('context.channel == "bought"', 'context.channel == "given"'),
    "some": ('context.channel == "given"', "context.persons == 100"),
    "line": ('adversary = "liar"', 'adversary = "operator"'),
    "limb": ("at_least = 2", "at_least = 3"),
}


def test_each_kind_of_sentence_is_proved_or_is_said_not_to_be_expressible(
    caveat: Caveat, tmp_path: Path
) -> None:
    (tmp_path / "says.toml").write_text(SENTENCES)
    said = caveat("prove", folder(tmp_path, small()), "--statements", tmp_path / "says.toml", "--json")
    assert said.code == 0, said
    results = {row["id"]: row["result"] for row in json.loads(said.out)["statements"]}
    assert results == {**dict.fromkeys(REFUTED, "proved"), "truth": "not_expressible"}


@pytest.mark.parametrize("name", REFUTED)
def test_a_sentence_that_is_false_is_refuted_and_fails(caveat: Caveat, tmp_path: Path, name: str) -> None:
    head, start, rest = SENTENCES.partition(f'id = "{name}"')
    text = head + start + rest.replace(*REFUTED[name], 1)
    assert text != SENTENCES
    (tmp_path / "says.toml").write_text(text)
    said = caveat("prove", folder(tmp_path, small()), "--statements", tmp_path / "says.toml", "--json")
    assert said.code == 1
    rows = {row["id"]: row for row in json.loads(said.out)["statements"]}
    assert rows[name]["result"] == "refuted"
    if name in ("never-many", "counsel"):
        assert rows[name]["use"]["verdict"] == "allow"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "never"', 'kind = "sometimes"'),
        ('when = "context.persons > 10"', 'when = "context.nothing > 10"'),
        ('when = "context.persons > 10"', 'when = "context.persons >"'),
        ('when = "context.persons > 10"', ""),
        ('role = "counsel"', 'role = "nobody"'),
        ('red_line = "line"', 'red_line = "lines"'),
        ('id = "limb"', 'id = "line"'),
    ],
)
def test_a_sentence_that_cannot_be_asked_is_an_error(
    caveat: Caveat, tmp_path: Path, old: str, new: str
) -> None:
    (tmp_path / "says.toml").write_text(SENTENCES.replace(old, new, 1))
    said = caveat.mistaken("prove", folder(tmp_path, small()), "--statements", tmp_path / "says.toml")
    assert "statement" in said


MARK = re.compile(r"<!-- says: (\S+) -->\s*(.+?)(?=\n\s*\n|\n- |\s*<!--|\Z)", re.DOTALL)


@pytest.mark.slow
def test_what_the_readme_says_of_the_example_is_proved(caveat: Caveat) -> None:
    import tomllib

    path = ROOT / "conformance" / "statements" / "example.toml"
    marked = {
        name: " ".join(text.split()) for name, text in MARK.findall((ROOT / "README.md").read_text("utf-8"))
    }
    rows = {row["id"]: row["says"] for row in tomllib.loads(path.read_text("utf-8"))["statement"]}
    assert marked == rows
    said = caveat("prove", ROOT / "policies" / "government-analytics", "--statements", path, "--json")
    assert said.code == 0
    results = {row["id"]: row["result"] for row in json.loads(said.out)["statements"]}
    assert set(results.values()) <= {"proved", "not_expressible"}
    assert list(results.values()).count("not_expressible") == 1


class Page(HTMLParser):
    """Every tag and every attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_loads_nothing_runs_nothing_and_escapes_what_the_bundle_says(
    caveat: Caveat, tmp_path: Path
) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    files = edited("bundle.toml", 'text = "small"', f"text = '{evil}'")
    files = edited("clauses/all.cedar", '@id("C3") @text("t")', f'@id("C3") @text("{evil}")', files)
    files = edited("red_lines/line.cedar", '@text("t")', f'@text("{evil}")', files)
    page = tmp_path / "page.html"
    assert caveat("prove", folder(tmp_path, files), "--html", page, "--given", "contract").code == 0
    parsed = Page(page.read_text("utf-8"))
    names = {tag for tag, _ in parsed.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "embed", "form", "a", "image", "use"}
    assert {"svg", "table", "style"} <= names
    for _, attributes in parsed.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "href", "style"}]
    text = page.read_text("utf-8")
    assert text.count("&lt;script&gt;alert(2)") == 3
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert "url(" not in text
    assert "A draft." in text


def test_without_the_solver_the_command_says_how_to_install_it(
    caveat: Caveat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("caveat.analysis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "z3", None)
    said = caveat.mistaken("prove", folder(tmp_path, small()))
    assert "the solver is not installed" in said
    assert "pip install 'caveat[analysis]'" in said


def test_mistakes_are_said_in_one_line(caveat: Caveat, tmp_path: Path) -> None:
    bundle = folder(tmp_path, small())
    caveat.mistaken("prove", tmp_path / "nothing")
    caveat.mistaken("prove", bundle, "--value")
    caveat.mistaken("prove", bundle, "--given", "rumour")
    caveat.mistaken("prove", bundle, "--verify", bundle / "bundle.toml")
    caveat.mistaken("prove", bundle, "--sign", bundle / "bundle.toml")
    (tmp_path / "uses.jsonl").write_text("{}\n")
    caveat.mistaken("prove", bundle, "--value", "--scenarios", tmp_path / "uses.jsonl")
