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


class Stage(StrEnum):
    """The checks, in their order. The first that fails is reported, and those after it are not reached."""

    SIZE = "size"
    ENVELOPE = "envelope"
    SIGNATURE = "signature"
    JSON = "json"
    KIND = "kind"
    SCHEMA = "schema"
    ISSUER = "issuer"
    NAMESPACE = "namespace"
    FACTS = "facts"
    TIME = "time"
    REVOCATION = "revocation"
    AUDIENCE = "audience"
    ONCE = "once"
    BINDING = "binding"
    VALUES = "values"


class DefectCode(StrEnum):
    """The closed set of reasons, in the order in which they are checked; the first one found is reported."""

    TOO_MANY = "too_many"
    TOO_LARGE = "too_large"
    NOT_ENVELOPE = "not_envelope"
    NOT_BASE64 = "not_base64"
    SIGNATURES = "signatures"
    FORGED = "forged"
    UNKNOWN_KEY = "unknown_key"
    PASSKEY_CHALLENGE = "passkey_challenge"
    PASSKEY_ORIGIN = "passkey_origin"
    PASSKEY_VERIFICATION = "passkey_verification"
    PAYLOAD_TYPE = "payload_type"
    NOT_JSON = "not_json"
    STATEMENT_TYPE = "statement_type"
    APPROVAL = "approval"
    REVOCATIONS = "revocations"
    SCHEMA = "schema"
    ISSUER = "issuer"
    PURPOSE = "purpose"
    NAMESPACE = "namespace"
    UNKNOWN_FACT = "unknown_fact"
    FACT_OF_OTHER_KIND = "fact_of_other_kind"
    NOT_ENTITLED = "not_entitled"
    VALUE_NOT_ENTITLED = "value_not_entitled"
    TRUST_EXPIRED = "trust_expired"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LIFETIME = "lifetime"
    TOO_OLD = "too_old"
    PERIOD = "period"
    KEY_NOT_YET_VALID = "key_not_yet_valid"
    REVOCATIONS_STALE = "revocations_stale"
    REVOKED = "revoked"
    AUDIENCE = "audience"
    SELF_ATTESTED = "self_attested"
    REPLAYED = "replayed"
    CONSUMED = "consumed"
    SUBJECT = "subject"
    REGISTRATION = "registration"
    NO_TARGET = "no_target"
    TARGET = "target"
    SELECTOR = "selector"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which check failed, `meaning` in plain words, who can put it right, and how.

    `who`: `caller`, `issuer`, `operator`, or `parties`: those who sign the policy or the scope of a power.
    """

    stage: Stage
    meaning: str
    who: str
    remedy: str


EXPLANATIONS: dict[DefectCode, Explanation] = {
    DefectCode.TOO_MANY: Explanation(
        Stage.SIZE,
        "the request carries more envelopes than are looked at",
        "caller",
        "send one statement with several facts instead of several statements",
    ),
    DefectCode.TOO_LARGE: Explanation(
        Stage.SIZE,
        "the envelope is larger than any envelope may be",
        "issuer",
        "attest fewer subjects or facts in one statement",
    ),
    DefectCode.NOT_ENVELOPE: Explanation(
        Stage.ENVELOPE,
        "the bytes are no DSSE envelope that every parser reads alike",
        "caller",
        "send the envelope exactly as the issuer wrote it",
    ),
    DefectCode.NOT_BASE64: Explanation(
        Stage.ENVELOPE,
        "payload or signature is not in canonical standard base64",
        "caller",
        "send the envelope exactly as the issuer wrote it",
    ),
    DefectCode.SIGNATURES: Explanation(
        Stage.ENVELOPE,
        "the envelope has no signature, too many, or two under one key id",
        "issuer",
        "sign once with the issuer's enrolled key",
    ),
    DefectCode.FORGED: Explanation(
        Stage.SIGNATURE,
        "the envelope names an enrolled key, and the signature is not that key's",
        "operator",
        "find out who sent it: the use was denied, and somebody should look at this",
    ),
    DefectCode.UNKNOWN_KEY: Explanation(
        Stage.SIGNATURE,
        "no enrolled key signed this",
        "parties",
        "enrol the issuer in trust.toml, or have an enrolled issuer attest",
    ),
    DefectCode.PASSKEY_CHALLENGE: Explanation(
        Stage.SIGNATURE,
        "the passkey signed another statement than this one",
        "caller",
        "read the hold again and sign what it shows",
    ),
    DefectCode.PASSKEY_ORIGIN: Explanation(
        Stage.SIGNATURE,
        "the passkey signed at another address than the one it is enrolled for, or within a frame",
        "caller",
        "sign at the console's own address, as trust.toml has it",
    ),
    DefectCode.PASSKEY_VERIFICATION: Explanation(
        Stage.SIGNATURE,
        "the authenticator did not recognise the person, or says more than it was asked",
        "caller",
        "sign with a PIN or a biometric: presence alone does not count",
    ),
    DefectCode.PAYLOAD_TYPE: Explanation(
        Stage.KIND,
        "the signed payload is not an in-toto statement",
        "issuer",
        "attest with payload type application/vnd.in-toto+json",
    ),
    DefectCode.NOT_JSON: Explanation(
        Stage.JSON,
        "the signed statement is no JSON that every parser reads alike",
        "issuer",
        "write the statement without duplicate keys, fractions, large integers or trailing bytes",
    ),
    DefectCode.STATEMENT_TYPE: Explanation(
        Stage.KIND,
        "the statement is of another type or predicate type",
        "issuer",
        "use in-toto Statement v1 with a predicate type of the reference",
    ),
    DefectCode.APPROVAL: Explanation(
        Stage.KIND,
        "it is an approval of one action, and approvals carry no facts",
        "caller",
        "attest facts by an issuer; approvals are not taken as evidence",
    ),
    DefectCode.REVOCATIONS: Explanation(
        Stage.KIND,
        "it is a list of revocations, which carries no facts",
        "operator",
        "send it to /v1/revocations",
    ),
    DefectCode.SCHEMA: Explanation(
        Stage.SCHEMA,
        "the statement has a missing, unknown or ill-formed field",
        "issuer",
        "mint it again with `caveat attest`",
    ),
    DefectCode.ISSUER: Explanation(
        Stage.ISSUER,
        "the statement names another issuer than the one whose key signed it",
        "issuer",
        "put the issuer's own id into the statement",
    ),
    DefectCode.PURPOSE: Explanation(
        Stage.ISSUER,
        "the key is enrolled for another purpose than evidence",
        "issuer",
        "sign with the issuer's evidence key",
    ),
    DefectCode.NAMESPACE: Explanation(
        Stage.NAMESPACE,
        "a subject lies outside the namespaces of this issuer",
        "issuer",
        "attest only subjects of its own, or have trust.toml amended",
    ),
    DefectCode.UNKNOWN_FACT: Explanation(
        Stage.FACTS,
        "the registry declares no such fact, so it is ignored",
        "issuer",
        "attest facts of the registry",
    ),
    DefectCode.FACT_OF_OTHER_KIND: Explanation(
        Stage.FACTS,
        "a statement of this kind does not say such a fact, so it is ignored",
        "issuer",
        "attest facts of data with a statement about the data",
    ),
    DefectCode.NOT_ENTITLED: Explanation(
        Stage.FACTS,
        "this issuer may not attest this fact, so it is ignored",
        "parties",
        "have an entitled issuer attest it",
    ),
    DefectCode.VALUE_NOT_ENTITLED: Explanation(
        Stage.FACTS,
        "this issuer may not attest this value, so the fact is ignored",
        "parties",
        "have an issuer attest it whose values include it",
    ),
    DefectCode.TRUST_EXPIRED: Explanation(
        Stage.TIME,
        "the trust policy itself has expired",
        "parties",
        "put a renewed trust.toml in force, signed by two of them",
    ),
    DefectCode.NOT_YET_VALID: Explanation(
        Stage.TIME,
        "the statement was issued in the future",
        "issuer",
        "check the issuer's clock",
    ),
    DefectCode.EXPIRED: Explanation(
        Stage.TIME,
        "the statement is past its time",
        "issuer",
        "have it attested again",
    ),
    DefectCode.LIFETIME: Explanation(
        Stage.TIME,
        "the statement is meant to live longer than trust.toml allows",
        "issuer",
        "attest with a shorter lifetime",
    ),
    DefectCode.TOO_OLD: Explanation(
        Stage.TIME,
        "the statement is older than trust.toml allows",
        "issuer",
        "have it attested again",
    ),
    DefectCode.PERIOD: Explanation(
        Stage.TIME,
        "the use lies outside the period of the legal process or the engagement",
        "parties",
        "have the process or the engagement prolonged and attested anew",
    ),
    DefectCode.KEY_NOT_YET_VALID: Explanation(
        Stage.REVOCATION,
        "the issuer's key is not valid yet",
        "issuer",
        "sign with the key that is valid now",
    ),
    DefectCode.REVOCATIONS_STALE: Explanation(
        Stage.REVOCATION,
        "no fresh list of revocations speaks of this key",
        "operator",
        "fetch the newest list from its authority and send it to /v1/revocations",
    ),
    DefectCode.REVOKED: Explanation(
        Stage.REVOCATION,
        "the issuer's key is revoked, and the log does not show the statement before that",
        "issuer",
        "attest again with a new key, enrolled",
    ),
    DefectCode.AUDIENCE: Explanation(
        Stage.AUDIENCE,
        "the statement is meant for other deployments",
        "issuer",
        "name this deployment in the audience",
    ),
    DefectCode.SELF_ATTESTED: Explanation(
        Stage.AUDIENCE,
        "the key belongs to the deployment that asks",
        "caller",
        "have an issuer attest who is not the requester",
    ),
    DefectCode.REPLAYED: Explanation(
        Stage.ONCE,
        "a statement for one use was presented for a second, different use",
        "operator",
        "find out who sent it: the use was denied, and somebody should look at this",
    ),
    DefectCode.CONSUMED: Explanation(
        Stage.ONCE,
        "the stored statement was for one use, and that use has been made",
        "issuer",
        "have this use attested",
    ),
    DefectCode.SUBJECT: Explanation(
        Stage.BINDING,
        "none of the data sent is what the statement is about",
        "caller",
        "send exactly the bytes that were attested, or have these attested",
    ),
    DefectCode.REGISTRATION: Explanation(
        Stage.BINDING,
        "the statement is about another registration of the deployment",
        "issuer",
        "attest the registration as it is in the bundle in force",
    ),
    DefectCode.NO_TARGET: Explanation(
        Stage.BINDING,
        "the request declares no target, so no scope can include it",
        "caller",
        "declare every target in `caveat.targets`",
    ),
    DefectCode.TARGET: Explanation(
        Stage.BINDING,
        "a declared target lies outside the scope of engagement",
        "parties",
        "stay within the scope, or have the owner widen it",
    ),
    DefectCode.SELECTOR: Explanation(
        Stage.BINDING,
        "the legal process does not name what the request is about",
        "parties",
        "stay with whom the process names, or obtain one that names them",
    ),
    DefectCode.OUT_OF_RANGE: Explanation(
        Stage.VALUES,
        "an attested value lies outside the registry's type, values or range",
        "issuer",
        "attest a declared value: nothing in the world has this one",
    ),
}
