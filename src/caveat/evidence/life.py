"""Whether a statement counts at a moment, as far as its own times and its issuer's limits say. Pure."""

from datetime import datetime, timedelta

from caveat.evidence.defects import DefectCode
from caveat.evidence.instants import Period
from caveat.evidence.issuer import Issuer, Trust


def out_of_life(life: Period, issuer: Issuer, trust: Trust, now: datetime) -> DefectCode | None:
    """Why a statement of this life does not count now; None where it does.

    Skew forgives a clock ahead of ours by a little; nothing is forgiven at the end of a life.
    Source: attacks 8 and 37 in `THREAT_MODEL.md`.
    """
    if now >= trust.expires_at:
        return DefectCode.TRUST_EXPIRED
    if (life.begin - now).total_seconds() > trust.clock_skew_seconds:
        return DefectCode.NOT_YET_VALID
    if now >= life.end:
        return DefectCode.EXPIRED
    if life.end - life.begin > timedelta(seconds=issuer.max_lifetime_seconds):
        return DefectCode.LIFETIME
    if now - life.begin > timedelta(seconds=issuer.max_age_seconds):
        return DefectCode.TOO_OLD
    return None
