"""What the evidence check costs here: processor time for an envelope seen first, and for one seen before."""

import time
from datetime import UTC, datetime, timedelta

from caveat.evidence.check import EvidenceChecker, Use
from caveat.evidence.envelope import VerifiedCache
from caveat.evidence.statement import Statement, Subject, mint_envelope
from caveat.evidence.trust import parse_trust
from caveat.facts.registry import parse_registry
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import sha256
from caveat.signing.keys import Algorithm, private_key_from_seed

_FACTS = {
    "acquisition_channel": ["first_party", "purchased"],
    "consent_basis": ["contract", "statutory"],
    "subjects_jurisdiction": ["domestic", "foreign"],
    "selection_criteria": ["aggregate_only", "category"],
}


def measure_evidence(envelopes: int = 400, rounds: int = 5) -> tuple[JsonObject, ...]:
    """The figures `evidence_new_cpu_us` and `evidence_known_cpu_us`, medians over `rounds` of `envelopes`.

    One statement of four facts in one envelope, Ed25519, checked to the end: signature, entitlement, time,
    audience, binding.
    """
    now = datetime(2030, 1, 1, tzinfo=UTC)
    key = private_key_from_seed(Algorithm.ED25519, bytes(range(32)))
    registry = parse_registry(
        {
            name: {
                "type": "enum",
                "values": values,
                "severest": values[-1],
                "attested_by": ["data_owner"],
                "amend": "all",
                "text": name,
            }
            for name, values in _FACTS.items()
        }
    )
    trust = parse_trust(_trust(key.public().render()).encode())
    data = sha256(b"the data that is measured with")
    raws = [
        mint_envelope(
            Statement(
                issuer="measured-issuer",
                subjects=(Subject("measured", data),),
                facts={name: values[0] for name, values in _FACTS.items()},
                audience=("measured-deployment",),
                issued_at=now,
                expires_at=now + timedelta(days=1),
                id=f"statement-{number}",
            ),
            [key],
        )
        for number in range(envelopes)
    ]
    use = Use("measured-deployment", data, frozenset({data}), now, lambda _once: None)
    new: list[float] = []
    known: list[float] = []
    for _ in range(rounds):
        checker = EvidenceChecker(trust, registry, VerifiedCache(limit=envelopes))
        new.append(_cpu_us(checker, raws, use))
        known.append(_cpu_us(checker, raws, use))
    return (
        _figure("evidence_new_cpu_us", new, 300.0, envelopes * rounds),
        _figure("evidence_known_cpu_us", known, 20.0, envelopes * rounds),
    )


def _cpu_us(checker: EvidenceChecker, raws: list[bytes], use: Use) -> float:
    started = time.process_time()
    accepted = sum(bool(checker.check(raw, use).facts) for raw in raws)
    spent = time.process_time() - started
    if accepted != len(raws):
        raise AssertionError("what is measured must be accepted")
    return spent / len(raws) * 1e6


def _figure(name: str, values: list[float], bar: float, n: int) -> JsonObject:
    median = sorted(values)[len(values) // 2]
    return {
        "name": name,
        "value": round(median, 2),
        "unit": "us",
        "bar": bar,
        "holds": median <= bar,
        "n": n,
    }


def _trust(key: str) -> str:
    facts = ", ".join(f'"{name}"' for name in _FACTS)
    return (
        'version = 1\nexpires_at = "2040-01-01T00:00:00Z"\n'
        '[issuers.measured-issuer]\nrole = "data_owner"\nparty = "customer"\npurpose = "evidence"\n'
        f'key = "{key}"\nfacts = [{facts}]\nnamespaces = ["*"]\n'
        "max_age_seconds = 86400\nmax_lifetime_seconds = 86400\n"
    )
