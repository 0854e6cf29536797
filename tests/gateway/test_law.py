"""The bundle in force: observe mode, reload, and that a bad bundle never loads."""

import asyncio
from collections.abc import Iterator

import pytest

from caveat.gateway.law import LawError, LawInForce, check_follows, law_of, read_bundle
from caveat.gateway.ports import Files, Law, MakeWitnesses
from caveat.gateway.succession import Succession
from caveat.ledger.errors import StoppedError
from caveat.ledger.ledger import Ledger
from caveat.policy.bundle import Bundle
from caveat.policy.chain import Chain
from tests.packs.worlds import world_of
from tests.support.raw_client import asking, chat, message, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, WATCH_KEY, SmallBundle, following, rows

DENY_ALL = """
@id("C8") @text("Nothing at all.") @authority("contract") @amend("operator")
forbid (principal, action, resource);
"""


def test_observe_mode_records_the_verdict_and_enforces_nothing(gateway: RunningGateway) -> None:
    before = len(gateway.records())
    for answer in (
        chat(gateway.url, WATCH_KEY, asking(rows(10))),
        message(gateway.url, WATCH_KEY, asking(rows(10))),
    ):
        assert answer.status == 200
        assert answer.headers["x-caveat-verdict"] == "needs_evidence"
        assert answer.headers["x-caveat-mode"] == "observe"
    found = gateway.records()[before:]
    assert [record["verdict"] for record in found] == ["needs_evidence"] * 4
    assert {(record["mode"], record["enforced"]) for record in found} == {("observe", False)}
    assert "x-caveat-mode" not in chat(gateway.url, CHAT_KEY, asking("hi")).headers


def test_what_is_observed_counts_as_released(gateway: RunningGateway) -> None:
    before = len(gateway.records())
    chat(gateway.url, WATCH_KEY, asking(rows(21, "o")))
    prompt, output = gateway.records()[before:]
    assert [own["source"] for own in prompt["reserve"]] == ["owner:watched"]
    assert output["reserve"] == []


def make_law(files: Files, make_witnesses: MakeWitnesses, *, beyond_loopback: bool = False) -> Law:
    """The law of these files where nothing was in force before."""
    bundle = read_bundle(files, beyond_loopback=beyond_loopback)
    check_follows(bundle, Succession(lambda _digest: None).follow)
    return law_of(bundle, make_witnesses)


def unwanted(name: str) -> dict[str, bytes]:
    bundle = SmallBundle()
    match name:
        case "unsigned":
            bundle.signed = False
        case "signed for another text":
            files = bundle.files()
            files["clauses/all.cedar"] += DENY_ALL.encode()
            return files
        case "no Cedar":
            bundle.clauses += "permit (principal"
        case "unknown fact":
            bundle.clauses += DENY_ALL.replace("resource);", "resource) when { context.mood };")
        case "no files":
            return {}
        case "bad trust policy":
            bundle.extra["trust.toml"] = b"version = 1\n[issuers.x]\nrole = 5\n"
        case _:
            raise AssertionError(name)
    return bundle.files()


UNWANTED = ["unsigned", "signed for another text", "no Cedar", "unknown fact", "no files", "bad trust policy"]


@pytest.mark.parametrize("name", UNWANTED)
def test_a_bundle_that_may_not_be_served_makes_no_law(name: str, gateway: RunningGateway) -> None:
    files = unwanted(name)
    with pytest.raises(LawError) as caught:
        make_law(files, gateway.service.make_witnesses)
    assert caught.value.findings


def test_a_development_bundle_makes_no_law_beyond_loopback(gateway: RunningGateway) -> None:
    files = world_of("bank").files
    assert make_law(files, gateway.service.make_witnesses).bundle.manifest.development
    with pytest.raises(LawError, match="loopback only"):
        make_law(files, gateway.service.make_witnesses, beyond_loopback=True)
    own = SmallBundle().files()
    served = make_law(own, gateway.service.make_witnesses, beyond_loopback=True)
    assert not served.bundle.manifest.development


def test_a_development_bundle_does_not_come_in_by_a_reload(gateway: RunningGateway) -> None:
    async def announce(_bundle: Bundle, _chain: Chain) -> None:
        raise AssertionError("it came into force")

    make_witnesses = gateway.service.make_witnesses
    first = make_law(SmallBundle().files(), make_witnesses)
    files = world_of("bank").files
    law = LawInForce(
        first, lambda: files, make_witnesses, lambda _new: Chain(()), announce, beyond_loopback=True
    )
    with pytest.raises(LawError, match="loopback only"):
        asyncio.run(law.reload())
    assert law.current is first


def test_answers_under_a_bundle_that_parties_signed_carry_no_mark(gateway: RunningGateway) -> None:
    assert "x-caveat-bundle" not in chat(gateway.url, CHAT_KEY, asking("hi")).headers
    assert not any("development" in record for record in gateway.records())


@pytest.fixture(scope="module")
def reloading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with scripted_upstream() as model, running_gateway(tmp_path_factory.mktemp("law"), model.url) as running:
        yield running


@pytest.mark.parametrize("name", UNWANTED)
def test_a_reload_of_a_bad_bundle_leaves_the_old_one_in_force(name: str, reloading: RunningGateway) -> None:
    good = dict(reloading.files)
    digest = reloading.service.law.current.bundle.digest
    reloading.files.clear()
    reloading.files.update(unwanted(name))
    assert reloading.reload() is False
    assert reloading.service.law.current.bundle.digest == digest
    assert chat(reloading.url, CHAT_KEY, asking("hi")).status == 200
    assert (
        b'caveat_bundle_reloads_total{outcome="refused"}'
        in send(reloading.url, "/metrics", method="GET").body
    )
    assert '"outcome":"refused"' in reloading.log.getvalue().decode()
    reloading.files.clear()
    reloading.files.update(good)


def test_a_good_bundle_comes_into_force_with_a_record_and_decides_from_then_on(
    reloading: RunningGateway,
) -> None:
    assert chat(reloading.url, CHAT_KEY, asking("hi")).status == 200
    assert reloading.reload() is False, "the same bundle is no change"
    bundle = SmallBundle()
    bundle.clauses += DENY_ALL
    before = dict(reloading.files)
    assert reloading.amend(bundle.files()) is True
    answer = chat(reloading.url, CHAT_KEY, asking("hi"))
    assert (answer.status, answer.error["clauses"]) == (403, ["C8"])
    (changed,) = reloading.records("bundle")
    assert (
        changed["bundle"] == reloading.records()[-1]["bundle"] == reloading.service.law.current.bundle.digest
    )
    assert reloading.amend(before) is True


def test_a_change_that_cannot_be_recorded_does_not_come_into_force(
    reloading: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_ledger: Ledger, _record: object) -> object:
        raise StoppedError("the disk is full")

    good, digest = dict(reloading.files), reloading.service.law.current.bundle.digest
    bundle = SmallBundle()
    bundle.clauses += DENY_ALL
    good_law = reloading.service.law.current.bundle.files
    reloading.files.clear()
    reloading.files.update(following(bundle.files(), good_law, 99))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "submit", refuse)
        assert reloading.reload() is False
    assert reloading.service.law.current.bundle.digest == digest
    reloading.files.clear()
    reloading.files.update(good)


def test_the_first_record_of_a_process_names_its_bundle(reloading: RunningGateway) -> None:
    (start,) = reloading.records("start")
    assert start["bundle"] in {record["bundle"] for record in reloading.records()}
    assert chat(reloading.url, DESK_KEY, asking("hi")).status in (200, 403)
