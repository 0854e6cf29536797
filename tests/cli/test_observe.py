"""`caveat observe` and `caveat explain` over a ledger that a gateway is writing."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from caveat.policy.bundle import parse_bundle
from caveat.store.folder import read_folder
from tests.cli.calling import Caveat, write
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import ACTOR, CHAT_KEY, OWNER, WATCH_KEY, SmallBundle, rows

pytestmark = pytest.mark.slow
FIRST = {"claims": {"acquisition_channel": "first_party"}}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """Three uses of words alone, two of data, one denied; and one of a deployment that enforces."""
    with (
        scripted_upstream() as model,
        running_gateway(tmp_path_factory.mktemp("watched"), model.url) as running,
    ):
        for _ in range(3):
            chat(running.url, WATCH_KEY, asking("hi", caveat=FIRST))
        for count in (10, 11):
            chat(running.url, WATCH_KEY, asking(rows(count), caveat=FIRST))
        chat(running.url, WATCH_KEY, asking(rows(2000, "e"), caveat=FIRST))
        chat(running.url, CHAT_KEY, asking("hi"))
        running.records()
        yield running


def report(caveat: Caveat, *arguments: object) -> dict[str, object]:
    said = caveat("observe", "report", *arguments, "--json")
    assert said.code == 1, said.err
    document = json.loads(said.out)
    assert document["version"] == 1
    return dict(document)


def test_the_report_counts_each_use_once_and_names_the_shortest_list(
    watched: RunningGateway, caveat: Caveat
) -> None:
    document = report(caveat, watched.folder)
    assert (document["uses"], document["would_refuse"]) == (6, 6)
    only = document["deployments"][0]  # type: ignore[index]
    assert only["deployment"] == "watch"
    assert {(row["verdict"], tuple(row["clauses"]), row["uses"]) for row in only["rows"]} == {
        ("needs_evidence", (), 5),
        ("deny", ("C3",), 1),
    }
    steps = {step["fact"]: step for step in only["settle"]["steps"]}
    assert only["settle"]["exact"] is True
    assert (only["settle"]["uses"], only["remaining"]) == (5, 1)
    channel, count = steps["acquisition_channel"], steps["subject_count"]
    assert (channel["how"], channel["value"], channel["uses"]) == ("register", "first_party", 5)
    assert (count["how"], count["value"], count["uses"], count["parts"]) == ("register", None, 3, 0)
    assert len(steps) == 2


def test_a_ledger_at_rest_and_a_ledger_folder_give_the_same(watched: RunningGateway, caveat: Caveat) -> None:
    assert report(caveat, watched.folder) == report(caveat, watched.folder / "ledger")


def test_the_table_is_for_people(watched: RunningGateway, caveat: Caveat) -> None:
    said = caveat("observe", "report", watched.folder)
    assert said.code == 1
    assert "6 uses observed, 6 would have been refused" in said.out
    assert 'register  acquisition_channel = "first_party"  (settles 5' in said.out
    assert "C3: No more persons than the limit." in said.out


def test_since_and_deployment_narrow_and_nothing_left_is_told(
    watched: RunningGateway, caveat: Caveat
) -> None:
    assert report(caveat, watched.folder, "--since", "bundle")["uses"] == 6
    assert report(caveat, watched.folder, "--since", "1h")["uses"] == 6
    assert "no use in observe mode" in caveat.mistaken(
        "observe", "report", watched.folder, "--since", "2100-01-01T00:00:00Z"
    )
    assert "no use in observe mode" in caveat.mistaken(
        "observe", "report", watched.folder, "--deployment", "desk"
    )
    assert "`--since`" in caveat.mistaken("observe", "report", watched.folder, "--since", "yesterday")


def test_drafts_are_marked_load_in_the_bundle_and_are_never_overwritten(
    watched: RunningGateway, caveat: Caveat, tmp_path: Path
) -> None:
    assert caveat("observe", "report", watched.folder, "--write", tmp_path).code == 1
    draft = (tmp_path / "deployments.draft.toml").read_text()
    assert draft.startswith("# DRAFT FOR SIGNATURE.")
    assert "# subject_count = ?" in draft
    drafted = tomllib.loads(draft)["deployments"]
    files = SmallBundle(signed=False).files()
    tables = tomllib.loads(files["deployments.toml"].decode())["deployments"]
    assert drafted == {"watch": tables["watch"] | {"facts": {"acquisition_channel": "first_party"}}}
    text = files["deployments.toml"].decode().replace("[deployments.watch]", "[deployments.old]")
    text = text.replace(str(tables["watch"]["key_digests"][0]), "0" * 64)
    assert "watch" in parse_bundle({**files, "deployments.toml": (text + draft).encode()}).deployments
    assert "never overwritten" in caveat.mistaken("observe", "report", watched.folder, "--write", tmp_path)


def test_explain_says_why_and_what_would_change_it(watched: RunningGateway, caveat: Caveat) -> None:
    answer = chat(watched.url, WATCH_KEY, asking("hi"))
    watched.records()
    prompt, output = answer.headers["x-caveat-record"], answer.headers["x-caveat-output-record"]
    said = caveat("explain", "use", prompt, "--data", watched.folder)
    assert said.code == 0
    assert said.out.startswith("needs_evidence: it depends on facts that nobody proved")
    assert "proof of `acquisition_channel` by data_owner, registration" in said.out
    assert "only observed" in said.out
    document = json.loads(caveat("explain", "use", output, "--data", watched.folder, "--json").out)
    assert (document["version"], document["of"], document["point"]) == (1, prompt, "output")
    assert document["changes"] == ["acquisition_channel", "subject_count"]
    assert document["differs"] == []
    assert {row["fact"] for row in document["facts"]} >= {"acquisition_channel", "subject_count"}


def test_explain_record_takes_every_kind(watched: RunningGateway, caveat: Caveat) -> None:
    first, second, *_ = watched.service.ledger.records()
    from caveat.ledger.record import record_id_of

    trust, start = record_id_of(0, first.leaf), record_id_of(1, second.leaf)
    said = caveat("explain", "record", trust, "--data", watched.folder).out
    assert said.startswith("trust: at ")
    assert "version 1 of the trust policy" in said
    assert caveat("explain", "record", start, "--data", watched.folder).out.startswith("start: at ")
    assert json.loads(caveat("explain", "record", start, "--data", watched.folder, "--json").out)["leaf"]
    assert "is no decision" in caveat.mistaken("explain", "use", start, "--data", watched.folder)


def test_an_unknown_id_is_one_line(watched: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    for text in ("3-0000000000000000", "99999-0000000000000000"):
        assert "has no record" in caveat.mistaken("explain", "use", text, "--data", watched.folder)
    assert "is no record id" in caveat.mistaken("explain", "use", "nonsense", "--data", watched.folder)
    assert "holds no ledger" in caveat.mistaken("explain", "use", "1-" + "0" * 16, "--data", tmp_path)


def test_enforcing_is_one_command_and_the_gateway_records_it(
    watched: RunningGateway, caveat: Caveat, tmp_path: Path
) -> None:
    folder = write(tmp_path / "bundle", {**SmallBundle().files(), **dict(watched.files)})
    key = tmp_path / "operator.pem"
    key.write_bytes(ACTOR.pem())
    said = caveat("observe", "enforce", folder, "watch", "--key", f"operator={key}", "--json")
    assert said.code == 0, said.err
    change = json.loads(said.out)
    assert (change["changed"], change["signers"], change["next"]) == (True, ["operator"], "SIGHUP")
    adopted = parse_bundle(read_folder(folder))
    assert (adopted.digest, adopted.unsigned, adopted.notes) == (change["digest"], (), ())
    assert adopted.deployments["watch"].mode == "enforce"
    before = dict(watched.files)
    try:
        watched.files.clear()
        watched.files.update(read_folder(folder))
        assert watched.reload()
        assert watched.records("bundle")[-1]["bundle"] == change["digest"]
        assert chat(watched.url, WATCH_KEY, asking("hi")).status == 403
    finally:
        assert watched.amend(before)
    again = caveat("observe", "enforce", folder, "watch", "--key", f"operator={key}")
    assert (again.code, "already" in again.out) == (0, True)


def test_enforcing_without_the_right_keys_writes_nothing(caveat: Caveat, tmp_path: Path) -> None:
    bundle = SmallBundle()
    bundle.clauses = bundle.clauses.replace('@amend("operator")', '@amend("operator & customer")', 1)
    files = bundle.files()
    customer = b'[actors.customer]\nkeys = ["%s"]\ntext = "Signs too."\n' % OWNER.public().render().encode()
    files["bundle.toml"] += customer
    folder = write(tmp_path / "bundle", files)
    key, other = tmp_path / "operator.pem", tmp_path / "other.pem"
    key.write_bytes(ACTOR.pem())
    other.write_bytes(OWNER.pem())
    command = ("observe", "enforce", folder)
    told = caveat.mistaken(*command, "watch", "--key", f"operator={key}")
    assert "do not suffice" in told
    assert "customer" in told
    assert "none of `operator`" in caveat.mistaken(*command, "watch", "--key", f"operator={other}")
    assert "no actor `nobody`" in caveat.mistaken(*command, "watch", "--key", f"nobody={key}")
    assert "ACTOR=FILE" in caveat.mistaken(*command, "watch", "--key", key)
    assert "no deployment `wach`" in caveat.mistaken(*command, "wach", "--key", f"operator={key}")
    assert dict(read_folder(folder)) == dict(sorted(files.items()))
