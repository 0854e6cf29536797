"""Why evidence does not count: one code for each check, what it means, and who can put it right."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one envelope. `defect` counts as absent; the last three deny (DESIGN section 3, 1)."""

    ACCEPTED = "accepted"
    DEFECT = "defect"
    FORGED = "forged"
    REPLAYED = "replayed"
    OUT_OF_RANGE = "out_of_range"


class DefectCode(StrEnum):
    """The closed set of reasons, in the order in which they are checked; the first one found is reported."""

    TOO_MANY = "too_many"
    TOO_LARGE = "too_large"
    NOT_ENVELOPE = "not_envelope"
    NOT_BASE64 = "not_base64"
    SIGNATURES = "signatures"
    FORGED = "forged"
    UNKNOWN_KEY = "unknown_key"
    PAYLOAD_TYPE = "payload_type"
    NOT_JSON = "not_json"
    STATEMENT_TYPE = "statement_type"
    SCHEMA = "schema"
    ISSUER = "issuer"
    PURPOSE = "purpose"
    NAMESPACE = "namespace"
    UNKNOWN_FACT = "unknown_fact"
    NOT_ENTITLED = "not_entitled"
    VALUE_NOT_ENTITLED = "value_not_entitled"
    OUT_OF_RANGE = "out_of_range"
    TRUST_EXPIRED = "trust_expired"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LIFETIME = "lifetime"
    TOO_OLD = "too_old"
    REVOKED = "revoked"
    AUDIENCE = "audience"
    SELF_ATTESTED = "self_attested"
    REPLAYED = "replayed"
    CONSUMED = "consumed"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Explanation:
    """`meaning` in plain words, who can put it right (`caller`, `issuer` or `operator`), and how."""

    meaning: str
    who: str
    remedy: str


EXPLANATIONS: dict[DefectCode, Explanation] = {
    DefectCode.TOO_MANY: Explanation(
        "the request carries more envelopes than are looked at",
        "caller",
        "send one statement with several facts instead of several statements",
    ),
    DefectCode.TOO_LARGE: Explanation(
        "the envelope is larger than any envelope may be",
        "issuer",
        "attest fewer subjects or facts in one statement",
    ),
    DefectCode.NOT_ENVELOPE: Explanation(
        "the bytes are no DSSE envelope that every parser reads alike",
        "caller",
        "send the envelope exactly as the issuer wrote it",
    ),
    DefectCode.NOT_BASE64: Explanation(
        "payload or signature is not in canonical standard base64",
        "caller",
        "send the envelope exactly as the issuer wrote it",
    ),
    DefectCode.SIGNATURES: Explanation(
        "the envelope has no signature, too many, or two under one key id",
        "issuer",
        "sign once with the issuer's enrolled key",
    ),
    DefectCode.FORGED: Explanation(
        "the envelope names an enrolled key, and the signature is not that key's",
        "operator",
        "find out who sent it: the use was denied, and somebody should look at this",
    ),
    DefectCode.UNKNOWN_KEY: Explanation(
        "no enrolled key signed this",
        "operator",
        "enrol the issuer in trust.toml, or have an enrolled issuer attest",
    ),
    DefectCode.PAYLOAD_TYPE: Explanation(
        "the signed payload is not an in-toto statement",
        "issuer",
        "attest with payload type application/vnd.in-toto+json",
    ),
    DefectCode.NOT_JSON: Explanation(
        "the signed statement is no JSON that every parser reads alike",
        "issuer",
        "write the statement without duplicate keys, fractions, large integers or trailing bytes",
    ),
    DefectCode.STATEMENT_TYPE: Explanation(
        "the statement is of another type or predicate type",
        "issuer",
        "use in-toto Statement v1 with the predicate type of facts",
    ),
    DefectCode.SCHEMA: Explanation(
        "the statement has a missing, unknown or ill-formed field",
        "issuer",
        "mint it again with `caveat attest`",
    ),
    DefectCode.ISSUER: Explanation(
        "the statement names another issuer than the one whose key signed it",
        "issuer",
        "put the issuer's own id into the statement",
    ),
    DefectCode.PURPOSE: Explanation(
        "the key is enrolled for another purpose than evidence",
        "issuer",
        "sign with the issuer's evidence key",
    ),
    DefectCode.NAMESPACE: Explanation(
        "a subject lies outside the namespaces of this issuer",
        "issuer",
        "attest only subjects of its own, or have trust.toml amended",
    ),
    DefectCode.UNKNOWN_FACT: Explanation(
        "the registry declares no such fact, so it is ignored",
        "issuer",
        "attest facts of the registry",
    ),
    DefectCode.NOT_ENTITLED: Explanation(
        "this issuer may not attest this fact, so it is ignored",
        "operator",
        "have an entitled issuer attest it",
    ),
    DefectCode.VALUE_NOT_ENTITLED: Explanation(
        "this issuer may not attest this value, so the fact is ignored",
        "operator",
        "have an issuer attest it whose values include it",
    ),
    DefectCode.OUT_OF_RANGE: Explanation(
        "an attested value lies outside the registry's type, values or range",
        "issuer",
        "attest a declared value: nothing in the world has this one",
    ),
    DefectCode.TRUST_EXPIRED: Explanation(
        "the trust policy itself has expired",
        "operator",
        "renew trust.toml",
    ),
    DefectCode.NOT_YET_VALID: Explanation(
        "the statement was issued in the future",
        "issuer",
        "check the issuer's clock",
    ),
    DefectCode.EXPIRED: Explanation(
        "the statement is past its time",
        "issuer",
        "have it attested again",
    ),
    DefectCode.LIFETIME: Explanation(
        "the statement is meant to live longer than trust.toml allows",
        "issuer",
        "attest with a shorter lifetime",
    ),
    DefectCode.TOO_OLD: Explanation(
        "the statement is older than trust.toml allows",
        "issuer",
        "have it attested again",
    ),
    DefectCode.REVOKED: Explanation(
        "the issuer's key is revoked, and a date inside a statement proves nothing",
        "issuer",
        "attest again with a new key, enrolled",
    ),
    DefectCode.AUDIENCE: Explanation(
        "the statement is meant for other deployments",
        "issuer",
        "name this deployment in the audience",
    ),
    DefectCode.SELF_ATTESTED: Explanation(
        "the key belongs to the deployment that asks",
        "caller",
        "have an issuer attest who is not the requester",
    ),
    DefectCode.REPLAYED: Explanation(
        "a statement for one use was presented for a second, different use",
        "operator",
        "find out who sent it: the use was denied, and somebody should look at this",
    ),
    DefectCode.CONSUMED: Explanation(
        "the stored statement was for one use, and that use has been made",
        "issuer",
        "have this use attested",
    ),
    DefectCode.SUBJECT: Explanation(
        "none of the data sent is what the statement is about",
        "caller",
        "send exactly the bytes that were attested, or have these attested",
    ),
}
