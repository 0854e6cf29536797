"""Which trust policy may follow which: signed by two actors, and never an older one than the log has seen.

A development bundle, which is served on loopback only, is neither: its keys are one person's, and made anew.
Source: attacks 39, 40 and 166 to 167 in `THREAT_MODEL.md`, ADR-0021.
"""

from caveat.evidence.trust import Trust, TrustError, parse_trust
from caveat.gateway.gate import Gate
from caveat.gateway.law import LawError
from caveat.ledger.record import Record, TrustRecord, render_time
from caveat.policy.bundle import Bundle
from caveat.policy.chain import Chain
from caveat.policy.trust_signatures import SIGNERS, is_trust_signed, trust_signers


class TrustSeen:
    """The newest trust policy that the log has seen. Folded at start-up, and at every record of one."""

    def __init__(self) -> None:
        """None was seen."""
        self.version = 0
        self.digest = ""

    def fold(self, record: Record) -> None:
        """Takes in a record, in the order of the log. Policies of development bundles are passed over."""
        if isinstance(record, TrustRecord) and not record.development and record.version >= self.version:
            self.version, self.digest = record.version, record.trust


def check_trust_succession(bundle: Bundle, seen: TrustSeen, chain: Chain) -> Trust:
    """The bundle's trust policy, if it may come into force after what the log has seen; raises `LawError`.

    `chain`: the amendments by which the bundle comes. A policy that the log has seen needs no new signature.
    """
    try:
        trust = parse_trust(bundle.files["trust.toml"])
    except TrustError as error:
        raise LawError(error.findings) from error
    check_passkeys(bundle, trust)
    if bundle.manifest.development:
        return trust
    signers = bundle.signers | trust_signers(bundle.files, bundle.manifest.name, bundle.manifest.actors)
    signers |= trust_consent(chain)
    if trust.digest != seen.digest and not is_trust_signed(signers):
        names = ", ".join(sorted(signers)) or "nobody"
        message = f"the trust policy is signed by {names}, and takes {SIGNERS} actors of the bundle"
        raise LawError((f"{message}: no one alone says who is believed",))
    if trust.version < seen.version:
        raise LawError(
            (f"the trust policy has version {trust.version}, and this log has seen {seen.version}",)
        )
    if trust.version == seen.version and trust.digest != seen.digest:
        raise LawError(
            (f"another trust policy of version {trust.version} was in force: count its version up",)
        )
    return trust


def check_passkeys(bundle: Bundle, trust: Trust) -> None:
    """Returns if every passkey is one that `oversight.toml` lets count; raises `LawError`."""
    if not bundle.oversight.passkeys.attested:
        return
    passkeys = ((one.id, one.overseer.passkey) for one in trust.issuers.values() if one.overseer is not None)
    unattested = sorted(name for name, passkey in passkeys if passkey is not None and not passkey.attested)
    if unattested:
        raise LawError(
            tuple(
                f"issuer `{name}` has a passkey without the attestation that `oversight.toml` asks for"
                for name in unattested
            )
        )


def trust_consent(chain: Chain) -> frozenset[str]:
    """Who signed the step that brought the trust policy, or the bundle that the chain begins from."""
    signers = chain.steps[0].old.signers if chain.steps else frozenset[str]()
    for step in chain.steps:
        if step.old.files["trust.toml"] != step.new.files["trust.toml"]:
            signers = step.signers
    return signers


async def record_trust(gate: Gate, bundle: Bundle, seen: TrustSeen, chain: Chain) -> None:
    """Checks the bundle's trust policy against the log, and has it in the log, with its keys, before it
    counts; raises `LawError`, and `LedgerError` where it cannot be recorded.
    """
    trust = check_trust_succession(bundle, seen, chain)
    development = bundle.manifest.development
    if development or trust.digest != seen.digest:
        keys = tuple(sorted(trust.issuers))
        await gate.recorder.trust(
            TrustRecord(render_time(gate.now()), trust.digest, trust.version, keys, development)
        )
