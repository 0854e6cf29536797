"""The chain of amendments: what comes into force by whose signatures, and every way around that."""

import base64
import json
from collections.abc import Mapping

import pytest

from caveat.policy.amendment import (
    AmendmentParseError,
    amendment_statement,
    check_step,
    parse_amendment,
)
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.chain import ChainError, Standing, chain_to, lacks, last_sequence
from caveat.signing.canonical import canonical
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey
from tests.policy.parties import (
    CUSTOMER,
    PROVIDER,
    STRANGER,
    WHEN,
    adopted,
    amendment,
    held,
    history_of,
    with_amendments,
)
from tests.policy.small import edited

ROOT_FILES = adopted(held())
ROOT = parse_bundle(ROOT_FILES)
BASE = Standing(ROOT.digest)


def bundle(path: str, old: str, new: str, files: Mapping[str, bytes] | None = None) -> Bundle:
    return parse_bundle(edited(path, old, new, files if files is not None else held()))


def refused(new: Bundle, *history: Bundle, standing: Standing = BASE) -> tuple[str, ...]:
    with pytest.raises(ChainError) as caught:
        chain_to(new, standing, history_of(*history))
    return caught.value.findings


def amended(new: Bundle, *envelopes: bytes) -> Bundle:
    """The same bundle with these amendments beside it."""
    return parse_bundle(with_amendments(new.files, *envelopes))


def without_c2() -> Bundle:
    files = held()
    text = files["clauses/all.cedar"].decode()
    start, end = text.index('@id("C2")'), text.index('@id("C3")')
    files["clauses/all.cedar"] = (text[:start] + text[end:]).encode()
    files = edited("bundle.toml", '[roles.counsel]\ntext = "counsel"\n', "", files)
    return parse_bundle(files)


LESS = without_c2()
LIMIT = bundle("bundle.toml", "value = 10", "value = 11")


def test_a_removed_clause_with_one_partys_signature_does_not_load_and_the_other_is_named() -> None:
    found = refused(amended(LESS, amendment(ROOT, LESS, PROVIDER)), ROOT)
    assert found == (
        "`signatures/amendment-0001.dsse.json`: clause C2 was removed: needs customer",
        "`signatures/amendment-0001.dsse.json`: role counsel was removed: needs customer",
    )


def test_with_both_signatures_it_follows() -> None:
    chain = chain_to(
        amended(LESS, amendment(ROOT, LESS, PROVIDER, CUSTOMER, reason="no counsel")), BASE, history_of(ROOT)
    )
    (step,) = chain.steps
    assert (chain.sequence, step.amendment.reason) == (1, "no counsel")
    assert step.signers == {"provider", "customer"}
    assert [row.describe() for row in step.changes] == ["clause C2 was removed", "role counsel was removed"]


def test_without_any_amendment_every_change_is_named_with_whom_it_needs() -> None:
    first, *rest = refused(LESS, ROOT)
    assert first.startswith("no amendment leads from the bundle in force")
    assert rest == [
        "clause C2 was removed: needs provider & customer",
        "role counsel was removed: needs provider & customer",
    ]


def test_adoptions_of_a_bundle_are_no_consent_to_replace_another() -> None:
    """Those of an older bundle lie about already: counting them would let anybody roll back."""
    assert refused(parse_bundle(adopted(LESS.files)), ROOT)[0].startswith("no amendment leads")


def test_the_same_law_in_other_files_follows_without_anybody() -> None:
    files = held()
    files["clauses/moved.cedar"] = files.pop("clauses/all.cedar")
    assert chain_to(parse_bundle(files), BASE, history_of(ROOT)).steps == ()


def test_an_amendment_that_nobody_signed_is_none_even_where_nobody_is_asked() -> None:
    files = held()
    files["clauses/moved.cedar"] = files.pop("clauses/all.cedar")
    moved = parse_bundle(files)
    step = check_step(parse_amendment(amendment(ROOT, moved, STRANGER)), ROOT, moved)
    assert step.untrue == ()
    assert step.findings == ("no actor of the bundle that it replaces has signed it",)


# --- attacks ---


def swapped_key() -> Bundle:
    files = edited("bundle.toml", CUSTOMER.public().render(), STRANGER.public().render(), held())
    return bundle("clauses/all.cedar", "context.score > 5", "context.score > 9", files)


def test_a_new_key_does_not_sign_itself_in() -> None:
    new = swapped_key()
    found = refused(amended(new, amendment(ROOT, new, PROVIDER, STRANGER)), ROOT)
    assert [each.partition(": ")[2] for each in found] == [
        "clause C3 was changed: needs customer",
        "actor customer was changed: needs customer",
    ]
    chain_to(amended(new, amendment(ROOT, new, PROVIDER, CUSTOMER)), BASE, history_of(ROOT))


def forged(old: Bundle, new: Bundle, change: Mapping[str, object], *keys: PrivateKey) -> bytes:
    """An amendment whose predicate says something else, properly signed."""
    statement = json.loads(amendment_statement(old, new, 1, "r", WHEN))
    statement["predicate"] |= change
    return sign_envelope(canonical(statement), IN_TOTO, keys)


def test_a_change_that_the_list_hides_is_found_though_all_signed() -> None:
    listed = [row for row in amendment_rows(ROOT, LESS) if row["kind"] != "clause"]
    found = refused(amended(LESS, forged(ROOT, LESS, {"changes": listed}, PROVIDER, CUSTOMER)), ROOT)
    assert found == ("`signatures/amendment-0001.dsse.json`: it hides that clause C2 was removed",)


def test_a_list_that_asks_for_less_than_is_needed_is_refused() -> None:
    rows = [row | {"needs": "provider"} for row in amendment_rows(ROOT, LESS)]
    found = refused(amended(LESS, forged(ROOT, LESS, {"changes": rows}, PROVIDER)), ROOT)
    assert any("it hides that clause C2 was removed" in each for each in found)
    assert any("needs customer" in each for each in found)


def test_a_list_with_a_change_that_was_not_made_is_refused() -> None:
    more = {"kind": "clause", "id": "C8", "action": "removed", "needs": "customer"}
    rows = [*amendment_rows(ROOT, LESS), more]
    found = refused(amended(LESS, forged(ROOT, LESS, {"changes": rows}, PROVIDER, CUSTOMER)), ROOT)
    assert found == ("`signatures/amendment-0001.dsse.json`: it lists a change that was not made",)


def amendment_rows(old: Bundle, new: Bundle) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(amendment_statement(old, new, 1, "r", WHEN))["predicate"][
        "changes"
    ]
    return rows


def test_a_link_of_another_bundle_leads_nowhere() -> None:
    envelope = amendment(ROOT, LIMIT, PROVIDER, CUSTOMER)
    found = refused(amended(LESS, envelope), ROOT, LIMIT)
    assert found[0].startswith("no amendment leads") or "link is missing" in found[0]
    elsewhere = amendment(LIMIT, LESS, PROVIDER, CUSTOMER)
    assert refused(amended(LESS, elsewhere), ROOT, LIMIT)[0].startswith("a link is missing")
    renamed = check_step(parse_amendment(envelope), ROOT, LESS)
    assert renamed.untrue == ("it leads from or to another bundle",)


def test_an_old_amendment_does_not_serve_a_second_time() -> None:
    """There, back again, and there once more with the first amendment."""
    there = amendment(ROOT, LESS, PROVIDER, CUSTOMER, sequence=1)
    back = amendment(LESS, ROOT, PROVIDER, CUSTOMER, sequence=2)
    history = history_of(ROOT, LESS)
    assert chain_to(amended(LESS, there), BASE, history).sequence == 1
    assert chain_to(amended(ROOT, there, back), Standing(LESS.digest, 1), history).sequence == 2
    again = refused(amended(LESS, there), ROOT, LESS, standing=Standing(ROOT.digest, 2))
    assert again == (
        (
            "amendment 1 is used up, since 2 is in force; "
            "a rollback, too, is an amendment with a number of its own"
        ),
    )
    anew = amendment(ROOT, LESS, PROVIDER, CUSTOMER, sequence=3)
    assert chain_to(amended(LESS, there, back, anew), Standing(ROOT.digest, 2), history).sequence == 3


def test_a_rollback_is_an_amendment_of_its_own() -> None:
    there = amendment(ROOT, LESS, PROVIDER, CUSTOMER)
    found = refused(amended(ROOT, there), ROOT, LESS, standing=Standing(LESS.digest, 1))
    assert "begins at the bundle in force" in found[0]
    half = amendment(LESS, ROOT, CUSTOMER, sequence=2)
    found = refused(amended(ROOT, there, half), ROOT, LESS, standing=Standing(LESS.digest, 1))
    assert any("clause C2 was added: needs provider" in each for each in found)


def test_where_a_bundle_is_taken_up_anew_what_lies_before_it_is_used_up() -> None:
    there = amendment(ROOT, LESS, PROVIDER, CUSTOMER, sequence=1)
    back = amendment(LESS, ROOT, PROVIDER, CUSTOMER, sequence=2)
    assert last_sequence(amended(ROOT, there, back)) == 2
    assert last_sequence(ROOT) == 0


def test_a_tampered_amendment_is_signed_by_nobody() -> None:
    good = amendment(ROOT, LESS, PROVIDER, CUSTOMER)
    envelope = json.loads(good)
    payload = base64.b64decode(envelope["payload"]).replace(b'"agreed"', b'"forced"')
    envelope["payload"] = base64.b64encode(payload).decode()
    found = refused(amended(LESS, json.dumps(envelope).encode()), ROOT)
    assert "no actor of the bundle that it replaces has signed it" in found[0]


def test_one_key_counts_for_one_actor() -> None:
    """A newcomer who brings the key of a party is not a second office."""
    files = edited(
        "bundle.toml",
        "[actors.provider]",
        f'[actors.ghost]\ntext = "g"\nkeys = ["{PROVIDER.public().render()}"]\n[actors.provider]',
        held(),
    )
    files = edited(
        "bundle.toml",
        f'\nkeys = ["{PROVIDER.public().render()}"]\n[actors.customer]',
        f'\nkeys = ["{STRANGER.public().render()}"]\n[actors.customer]',
        files,
    )
    new = parse_bundle(files)
    found = refused(amended(new, amendment(ROOT, new, PROVIDER)), ROOT)
    assert any("actor ghost takes over a key of provider" in each for each in found)
    assert any("actor ghost was added: needs ghost" in each for each in found)


def newcomer() -> Bundle:
    files = edited(
        "bundle.toml",
        "[actors.provider]",
        f'[actors.auditor]\ntext = "a"\nkeys = ["{STRANGER.public().render()}"]\n[actors.provider]',
        held(),
    )
    return bundle("bundle.toml", 'amend = "customer"', 'amend = "customer & auditor"', files)


def test_a_newcomer_joins_a_formula_by_the_consent_of_those_in_it_and_its_own() -> None:
    new = newcomer()
    assert any(
        "needs auditor" in each for each in refused(amended(new, amendment(ROOT, new, CUSTOMER)), ROOT)
    )
    assert any(
        "needs customer" in each for each in refused(amended(new, amendment(ROOT, new, STRANGER)), ROOT)
    )
    chain_to(amended(new, amendment(ROOT, new, CUSTOMER, STRANGER)), BASE, history_of(ROOT))


UNASKED = {
    "an issuer": (
        "trust.toml",
        '["channel", "persons"]',
        '["channel", "persons", "verified"]',
        CUSTOMER,
        "provider",
    ),
    "an issuer's key": ("trust.toml", "ed25519:", None, CUSTOMER, "provider"),
    "a value of a fact that clauses read": (
        "facts.toml",
        '["bought", "given", "unknown"]',
        '["bought", "gift", "given", "unknown"]',
        PROVIDER,
        "customer",
    ),
    "an observer": (
        "deployments.toml",
        "operator =",
        'observers = ["counter"]\noperator =',
        PROVIDER,
        "customer",
    ),
    "a role": ("bundle.toml", "[roles.counsel]", "[roles.counsel]\npersons = 2", PROVIDER, "customer"),
    "a limit": ("bundle.toml", "value = 10", "value = 99", PROVIDER, "customer"),
    "observe mode": ("deployments.toml", "operator =", 'mode = "observe"\noperator =', PROVIDER, "customer"),
    "a red line": ("red_lines/line.cedar", ">= 11", ">= 99", CUSTOMER, "provider"),
}


@pytest.mark.parametrize("what", UNASKED)
def test_what_others_rely_on_does_not_change_without_them(what: str) -> None:
    path, old, put, signer, wanted = UNASKED[what]
    if put is None:
        old = held()["trust.toml"].decode().split('key = "')[1].partition('"')[0]
        put = STRANGER.public().render()
    new = bundle(path, old, put)
    found = refused(amended(new, amendment(ROOT, new, signer)), ROOT)
    assert all(each.endswith(f"needs {wanted}") for each in found), found
    both = amendment(ROOT, new, PROVIDER, CUSTOMER)
    assert chain_to(amended(new, both), BASE, history_of(ROOT)).sequence == 1


# --- chains of several steps ---


def both_changes() -> Bundle:
    return bundle("bundle.toml", "value = 10", "value = 11", LESS.files)


def test_a_chain_of_two_steps_needs_the_bundle_between() -> None:
    last = both_changes()
    first = amendment(ROOT, LESS, PROVIDER, CUSTOMER, sequence=1)
    second = amendment(LESS, last, PROVIDER, CUSTOMER, sequence=2)
    new = amended(last, first, second)
    chain = chain_to(new, BASE, history_of(ROOT, LESS))
    assert [step.amendment.sequence for step in chain.steps] == [1, 2]
    assert "are not at hand" in refused(new, ROOT)[0]
    assert refused(amended(last, second), ROOT, LESS)[0].startswith("a link is missing")


def test_one_step_that_does_not_hold_breaks_the_chain() -> None:
    last = both_changes()
    first = amendment(ROOT, LESS, PROVIDER, sequence=1)
    second = amendment(LESS, last, PROVIDER, CUSTOMER, sequence=2)
    found = refused(amended(last, first, second), ROOT, LESS)
    assert found[0] == "`signatures/amendment-0001.dsse.json`: clause C2 was removed: needs customer"


def test_numbers_that_do_not_rise_are_no_chain() -> None:
    last = both_changes()
    first = amendment(ROOT, LESS, PROVIDER, CUSTOMER, sequence=2)
    second = amendment(LESS, last, PROVIDER, CUSTOMER, sequence=1)
    with pytest.raises(ChainError):
        chain_to(amended(last, first, second), BASE, history_of(ROOT, LESS))


def test_the_files_of_the_bundle_in_force_must_be_at_hand() -> None:
    assert "not at hand" in refused(amended(LESS, amendment(ROOT, LESS, PROVIDER, CUSTOMER)))[0]


def test_a_chain_from_an_adopted_bundle_adopts_and_nothing_else_does() -> None:
    good = amended(LESS, amendment(ROOT, LESS, PROVIDER, CUSTOMER))
    assert lacks(good, history_of(ROOT)) == ()
    assert lacks(ROOT, history_of()) == ()
    draft = parse_bundle(held())
    for new, history in (
        (good, history_of()),
        (good, history_of(draft)),
        (LESS, history_of(ROOT)),
        (amended(LESS, amendment(ROOT, LESS, PROVIDER)), history_of(ROOT)),
    ):
        assert "C1" in lacks(new, history)


def test_too_many_amendments_are_refused_before_they_are_read() -> None:
    new = amended(LESS, *[b"x"] * 501)
    assert "more than 500" in refused(new, ROOT)[0]


def test_amendments_beside_a_bundle_are_neither_its_adoption_nor_unusable() -> None:
    assert amended(LESS, b"junk").notes == ()


# --- the statement ---

GOOD = amendment(ROOT, LESS, PROVIDER)


def test_a_statement_reads_back() -> None:
    read = parse_amendment(amendment(ROOT, LESS, PROVIDER, diff={"version": 1, "newly_permitted": []}))
    assert (read.old, read.new, read.sequence, read.issued_at) == (ROOT.digest, LESS.digest, 1, WHEN)
    assert read.diff == {"version": 1, "newly_permitted": []}
    assert read.digest != parse_amendment(GOOD).digest
    assert parse_amendment(amendment(ROOT, LESS, CUSTOMER)).digest == parse_amendment(GOOD).digest


STATEMENT = json.loads(amendment_statement(ROOT, LESS, 1, "r", WHEN))
BROKEN: dict[str, bytes] = {
    "no envelope": b"nonsense",
    "no JSON": sign_envelope(b"nonsense", IN_TOTO, [PROVIDER]),
    "another payload type": sign_envelope(canonical(STATEMENT), "text/plain", [PROVIDER]),
    "another predicate": sign_envelope(canonical(STATEMENT | {"predicateType": "x"}), IN_TOTO, [PROVIDER]),
    "a further member": sign_envelope(canonical(STATEMENT | {"also": 1}), IN_TOTO, [PROVIDER]),
    "another spelling": sign_envelope(json.dumps(STATEMENT).encode(), IN_TOTO, [PROVIDER]),
    "two subjects": sign_envelope(
        canonical(STATEMENT | {"subject": STATEMENT["subject"] * 2}), IN_TOTO, [PROVIDER]
    ),
    "number zero": sign_envelope(
        canonical(STATEMENT | {"predicate": STATEMENT["predicate"] | {"sequence": 0}}), IN_TOTO, [PROVIDER]
    ),
    "true for a number": sign_envelope(
        canonical(STATEMENT | {"predicate": STATEMENT["predicate"] | {"sequence": True}}), IN_TOTO, [PROVIDER]
    ),
    "nobody's signature": sign_envelope(canonical(STATEMENT), IN_TOTO, []),
    "too many bytes": sign_envelope(canonical(STATEMENT), IN_TOTO, [PROVIDER]) + b" " * (2 << 20),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_amendment_is_refused_by_name_and_leads_nowhere(what: str) -> None:
    with pytest.raises(AmendmentParseError):
        parse_amendment(BROKEN[what])
    found = refused(amended(LESS, BROKEN[what]), ROOT)
    assert found[0].startswith("`signatures/amendment-0001.dsse.json`: not a")


def test_a_draft_may_lack_signatures() -> None:
    assert parse_amendment(BROKEN["nobody's signature"], draft=True).envelope.signatures == ()
