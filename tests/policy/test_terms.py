"""The page for people who read contracts holds every clause, limit, fact, role and actor of the bundle."""

import pytest

from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.terms import render_terms
from tests.oracle.example import example_bundle
from tests.policy.small import small
from tests.policy.test_signatures import CUSTOMERS, FILES, PROVIDERS


@pytest.mark.parametrize("bundle", [example_bundle(), parse_bundle(small())], ids=["example", "small"])
def test_the_page_leaves_nothing_out(bundle: Bundle) -> None:
    page = render_terms(bundle)
    expected = {bundle.digest, bundle.manifest.text}
    expected |= {name for clause in bundle.clauses for name in clause.clauses}
    expected |= {clause.text for clause in bundle.clauses if clause.id in clause.clauses}
    expected |= {row.text for row in bundle.manifest.process}
    expected |= {f"{limit.value:,}" for limit in bundle.manifest.limits.values()}
    expected |= {spec.text for spec in bundle.registry.facts.values()}
    expected |= {role.text for role in bundle.manifest.roles.values()}
    expected |= set(bundle.manifest.actor_texts.values())
    assert [text for text in expected if text not in page] == []


def test_the_page_says_who_adopted_the_bundle() -> None:
    draft = render_terms(parse_bundle(FILES))
    signed = render_terms(
        parse_bundle(FILES | {"signatures/p.dsse.json": PROVIDERS, "signatures/c.dsse.json": CUSTOMERS})
    )
    assert draft != signed
    assert "customer" in signed.splitlines()[4]
