"""Pieces of a part: what is covered may permit, what is touched may only restrict."""

import random
from collections.abc import Sequence
from functools import lru_cache

import pytest

from caveat.call.call import Call, Part, PartKind, Point
from caveat.decision.decide import decide_use
from caveat.decision.verdict import Decision, Verdict
from caveat.evidence.check import Checked
from caveat.evidence.defects import Outcome
from caveat.evidence.recognition import Piece, Recognition
from caveat.facts.fact import Fact, Grade
from caveat.gateway.gather import Gathered, gather
from caveat.monitors.totals import Totals
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.signing.digest import Digest, sha256
from tests.evidence.world import ACTION, NOW, REGISTRY
from tests.gateway.test_gather import Desk, values
from tests.oracle.generate import generate_bundle, values_of

CONTENT = b"words that stand before a fragment, and after it"
A, B, C = sha256(b"manifest a"), sha256(b"manifest b"), sha256(b"manifest c")
FIRST = Fact("acquisition_channel", "first_party", Grade.ATTESTED, "data_owner", "key:a")
BOUGHT = Fact("acquisition_channel", "purchased", Grade.ATTESTED, "data_owner", "key:b")
TASK = Fact("task", "summarize_document", Grade.ATTESTED, "registrar", "key:r")


def call_of(kind: PartKind = PartKind.DATA, content: bytes = CONTENT) -> Call:
    part = Part("/messages/0/content", "user", kind, "text/plain", content, sha256(content))
    return Call(Point.PROMPT, "openai", "agency-desk", "m", (part,), {}, stream=False, action_digest=ACTION)


def says(facts: Sequence[Fact], *digests: Digest, each: bool = True) -> Checked:
    return Checked(
        sha256(repr((facts, digests)).encode()),
        Outcome.ACCEPTED,
        facts=tuple(facts),
        parts=frozenset(digests),
        each=frozenset(fact.name for fact in facts) if each else frozenset(),
    )


def known(
    *pieces: Piece, exact: frozenset[Digest] = frozenset(), touched: frozenset[Digest] = frozenset()
) -> dict[Digest, Recognition]:
    touched |= {digest for piece in pieces if not piece.common for digest in piece.owners}
    return {sha256(CONTENT): Recognition(pieces, exact, touched, "text/plain")}


def gathered(
    recognised: dict[Digest, Recognition], *evidence: Checked, kind: PartKind = PartKind.DATA
) -> Gathered:
    return gather(call_of(kind), Desk(), REGISTRY, evidence, Totals(), NOW, recognised=recognised)


def channels(found: Gathered) -> list[object]:
    return [values(case, "acquisition_channel").get(Grade.ATTESTED) for case in found.cases]


def test_a_fact_of_each_record_holds_of_a_selection_and_a_fact_of_the_whole_does_not() -> None:
    piece = Piece(b"some", frozenset({A}))
    assert channels(gathered(known(piece), says([FIRST], A))) == ["first_party"]
    whole = channels(gathered(known(piece), says([FIRST], A, each=False)))
    assert whole == [None, "first_party"], "not known; and beside that decided as if it held"
    assert channels(gathered(known(piece, exact=frozenset({A})), says([FIRST], A, each=False))) == [
        "first_party"
    ]


def test_bytes_that_nobody_covers_are_a_piece_of_their_own() -> None:
    pieces = (Piece(b"one", frozenset({A})), Piece(b"two", frozenset()))
    assert channels(gathered(known(*pieces), says([FIRST], A))) == ["first_party", None]


def test_owners_who_differ_are_each_believed_in_a_case_of_their_own() -> None:
    piece = Piece(b"both", frozenset({A, B}))
    found = gathered(known(piece), says([FIRST], A), says([BOUGHT, TASK], B))
    assert sorted(map(str, channels(found))) == ["first_party", "purchased"]
    assert all(values(case, "task") == {Grade.ATTESTED: "summarize_document"} for case in found.cases)


def test_sets_of_several_owners_are_united() -> None:
    health = Fact("data_category", frozenset({"personal_health"}), Grade.ATTESTED, "data_owner", "key:a")
    none = Fact("data_category", frozenset({"none"}), Grade.ATTESTED, "data_owner", "key:b")
    found = gathered(known(Piece(b"both", frozenset({A, B}))), says([health], A), says([none], B))
    (case,) = found.cases
    assert values(case, "data_category") == {Grade.ATTESTED: frozenset({"none", "personal_health"})}


def test_boilerplate_counts_only_where_all_its_owners_agree() -> None:
    piece = Piece(b"all rights reserved", frozenset({A, B, C}), common=True)
    agreed = gathered(known(piece), says([FIRST], A, B, C))
    assert channels(agreed) == ["first_party"]
    assert channels(gathered(known(piece), says([FIRST], A, B), says([BOUGHT], C))) == [None]
    assert channels(gathered(known(piece), says([FIRST], A, B))) == [None], (
        "an owner who says nothing differs"
    )


def test_a_count_never_holds_of_a_selection_unless_it_is_none_at_all() -> None:
    piece = Piece(b"some", frozenset({A}))
    for number, kept in ((3, {}), (0, {Grade.ATTESTED: 0})):
        count = Fact("subject_count", number, Grade.ATTESTED, "data_owner", "key:a")
        found = gathered(known(piece), says([count, FIRST], A))
        assert all(values(case, "subject_count") == kept for case in found.cases)


def test_a_part_with_too_many_owners_is_one_piece_that_nothing_covers() -> None:
    owners = [sha256(b"%d" % n) for n in range(65)]
    pieces = [Piece(b"%d" % n, frozenset({owner})) for n, owner in enumerate(owners)]
    found = gathered(known(*pieces), *(says([FIRST], owner) for owner in owners))
    assert channels(found)[0] is None


def test_words_of_which_only_a_fragment_is_known_stay_typed() -> None:
    found = gathered(
        known(Piece(CONTENT, frozenset()), touched=frozenset({A})), says([FIRST], A), kind=PartKind.TYPED
    )
    assert channels(found) == [None, "first_party"]
    assert (found.known, found.reserve) == ((), ())


@lru_cache(maxsize=400)
def generated(seed: int) -> Bundle:
    return parse_bundle(generate_bundle(random.Random(seed)))


def random_facts(rng: random.Random, bundle: Bundle, share: float) -> list[Fact]:
    return [
        Fact(spec.name, rng.choice(values_of(spec)), Grade.ATTESTED, "issuer", f"key:{rng.randint(0, 1)}")
        for spec in bundle.registry.facts.values()
        if rng.random() < share
    ]


def decisions(seed: int) -> tuple[Decision, Decision]:
    """One use as it is, and the same use when a fragment of something is known again in it."""
    rng = random.Random(seed)
    bundle = generated(seed % 400)
    kind = rng.choice(list(PartKind))
    call = call_of(kind)
    own = [says(random_facts(rng, bundle, 0.5), sha256(CONTENT))] if kind is PartKind.DATA else []
    registered = {
        spec.name: rng.choice(values_of(spec))
        for spec in bundle.registry.facts.values()
        if rng.random() < 0.2
    }
    desk = Desk(facts=registered)
    fragments = [says(random_facts(rng, bundle, 0.6), one, each=rng.random() < 0.5) for one in (A, B)]
    recognised = known(Piece(CONTENT, frozenset()), touched=frozenset({A, B}))
    without = gather(call, desk, bundle.registry, (*own,), Totals(), NOW)
    with_it = gather(call, desk, bundle.registry, (*own, *fragments), Totals(), NOW, recognised=recognised)
    points = (decide_use(bundle.policy, Point.PROMPT, found.cases) for found in (without, with_it))
    return next(points), next(points)


def loosened(seeds: range) -> tuple[list[int], int]:
    worse: list[int] = []
    tightened = 0
    for seed in seeds:
        before, after = decisions(seed)
        if after.verdict.strictness < before.verdict.strictness:
            worse.append(seed)
        tightened += after.verdict.strictness > before.verdict.strictness
    return worse, tightened


@pytest.mark.slow
def test_a_fragment_that_is_known_again_never_loosens_under_any_policy() -> None:
    worse, tightened = loosened(range(500))
    assert worse == []
    assert tightened > 20, "the law would hold of a gateway that knows nothing again"


@pytest.mark.long
def test_a_fragment_that_is_known_again_never_loosens_under_many_policies() -> None:
    worse, _ = loosened(range(500, 8000))
    assert worse == []


def test_what_is_denied_of_a_document_is_denied_of_a_fragment_whatever_the_rest_is_attested_to_be() -> None:
    bundle = parse_bundle(
        {
            **generate_bundle(random.Random(1)),
            "facts.toml": b'version = 1\n[facts.channel]\ntype = "enum"\nvalues = ["good", "bad"]\n'
            b'attested_by = ["issuer"]\nseverest = "bad"\namend = "owner"\ntext = "t"\n',
            "clauses/all.cedar": b'@id("p") @text("t") @authority("technical") @amend("owner")\n'
            b"permit (principal, action, resource);\n"
            b'@id("f") @text("t") @authority("technical") @amend("owner")\n'
            b'forbid (principal, action, resource) when { context.channel == "bad" };',
        }
    )
    good, bad = (Fact("channel", word, Grade.ATTESTED, "issuer", "key") for word in ("good", "bad"))
    recognised = known(Piece(CONTENT, frozenset()), touched=frozenset({A}))
    for kind in PartKind:
        evidence = (says([good], sha256(CONTENT)), says([bad], A, each=False))
        for claims in ({}, {"channel": "good"}):
            found = gather(
                call_of(kind), Desk(), bundle.registry, evidence, Totals(), NOW, recognised=recognised
            )
            cases = tuple(case.__class__(case.facts, claims) for case in found.cases)
            assert decide_use(bundle.policy, Point.PROMPT, cases).verdict is Verdict.DENY
    plain = gather(call_of(), Desk(), bundle.registry, evidence[:1], Totals(), NOW)
    assert decide_use(bundle.policy, Point.PROMPT, plain.cases).verdict is Verdict.ALLOW
