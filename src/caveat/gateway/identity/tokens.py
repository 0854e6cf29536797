"""Tokens: whose they are. Verified once, then known by digest until they end, or bundle or keys change."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from caveat.gateway.identity.key_source import Clock, Fetch, KeySource, fetch_jwks
from caveat.gateway.identity.once import UsedTokens
from caveat.gateway.identity.refused import identity_unavailable, token_refused, token_unknown
from caveat.gateway.identity.speaker import TokenSpeaker
from caveat.policy.bundle import Bundle
from caveat.policy.callers import TokenMatch
from caveat.policy.identity import TokenIssuer
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest
from caveat.signing.jwks import TokenKey
from caveat.signing.jwt import (
    TokenParseError,
    TokenTimeError,
    UnverifiedToken,
    Validity,
    check_period,
    check_times,
    find_keys,
    is_signed_by,
    parse_token,
)

MAX_KNOWN = 4096
SKEW_SECONDS = 60
MAX_ID = 256


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token that held. `binding`: what its `cnf` binds it to; empty where it is bound to nothing."""

    bundle: Digest
    issuer: TokenIssuer
    keys: tuple[TokenKey, ...]
    validity: Validity
    match: TokenMatch
    speaker: TokenSpeaker
    binding: Mapping[str, object]


class Tokens:
    """Verifies tokens under the bundle in force. Used by one event loop."""

    def __init__(self, started: datetime, fetch: Fetch = fetch_jwks, clock: Clock = time.monotonic) -> None:
        """`started`: no later than the first request. `clock`: seconds that never go back."""
        self._fetch = fetch
        self._clock = clock
        self._used = UsedTokens(started.timestamp())
        self._known: OrderedDict[Digest, KnownToken] = OrderedDict()
        self._sources: dict[tuple[str, int], KeySource] = {}

    def recall(self, bundle: Bundle, digest: Digest, now: datetime) -> KnownToken | None:
        """The token with this digest, if it held and nothing changed; raises `RequestError` at its end."""
        known = self._known.get(digest)
        if known is None or known.bundle != bundle.digest or not self._holds(known):
            return None
        self._known.move_to_end(digest)
        try:
            check_period(known.validity, now.timestamp(), _skew(known.issuer))
        except TokenTimeError as error:
            raise token_refused(error.code) from error
        return known

    async def verify(self, bundle: Bundle, text: str, digest: Digest, now: datetime) -> KnownToken:
        """The token in `text`; raises `RequestError` 401, and `FaultError` where nobody can tell."""
        try:
            token = parse_token(text)
        except TokenParseError as error:
            raise token_refused(error.code) from error
        issuer = self._issuer(bundle, token)
        keys = await self._verify_signature(issuer, token)
        known = self._judge(bundle, issuer, keys, token, now)
        if issuer.one_time:
            self._use_up(issuer, token.claims, known.validity, now)
            return known
        self._known[digest] = known
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return known

    async def verify_person(
        self, bundle: Bundle, text: str, issuer: str, audience: str, now: datetime
    ) -> JsonObject:
        """The claims of an id token of this `iss` for this audience alone; raises as `verify` does.

        No deployment is spoken for by it. Source: OpenID Connect Core 1.0, section 3.1.3.7.
        """
        try:
            token = parse_token(text)
        except TokenParseError as error:
            raise token_refused(error.code) from error
        found = self._issuer(bundle, token)
        if found.url != issuer:
            raise token_unknown("issuer")
        await self._verify_signature(found, token)
        try:
            check_times(
                token.claims,
                now.timestamp(),
                skew_seconds=SKEW_SECONDS,
                max_lifetime_seconds=found.max_lifetime_seconds,
                nbf_required=False,
            )
        except TokenTimeError as error:
            raise token_refused(error.code) from error
        if _audience(token.claims) != audience or token.claims.get("azp", audience) != audience:
            raise token_unknown("audience")
        return token.claims

    async def close(self) -> None:
        """Ends what is under way."""
        for source in self._sources.values():
            await source.close()

    def _issuer(self, bundle: Bundle, token: UnverifiedToken) -> TokenIssuer:
        name = token.claims.get("iss")
        if not isinstance(name, str):
            raise token_refused("claims")
        issuer = bundle.identity.issuers.get(name)
        if issuer is None:
            raise token_unknown("issuer")
        if token.algorithm not in issuer.algorithms:
            raise token_refused("algorithm")
        return issuer

    async def _verify_signature(self, issuer: TokenIssuer, token: UnverifiedToken) -> tuple[TokenKey, ...]:
        """The issuer's keys as they are now, after one of them verified the token."""
        source = None if issuer.keys is not None else self._source(issuer)
        keys = issuer.keys if source is None else await source.keys()
        fitting = find_keys(token, keys or ())
        if not fitting and source is not None:
            keys = await source.keys_anew()
            fitting = find_keys(token, keys)
        if keys is None:
            raise identity_unavailable()
        if not fitting:
            raise token_unknown("key")
        if not is_signed_by(token, fitting):
            raise token_unknown("signature")
        return keys

    def _judge(
        self,
        bundle: Bundle,
        issuer: TokenIssuer,
        keys: tuple[TokenKey, ...],
        token: UnverifiedToken,
        now: datetime,
    ) -> KnownToken:
        claims = token.claims
        try:
            validity = check_times(
                claims,
                now.timestamp(),
                skew_seconds=_skew(issuer),
                max_lifetime_seconds=issuer.max_lifetime_seconds,
                nbf_required=issuer.nbf_required,
            )
        except TokenTimeError as error:
            raise token_refused(error.code) from error
        audience = _audience(claims)
        if audience is None or audience not in bundle.registrations.audiences(issuer.id):
            raise token_unknown("audience")
        match = bundle.registrations.of_token(issuer.id, audience, claims)
        if match is None:
            raise token_unknown("subject")
        binding = claims.get("cnf", {})
        if not isinstance(binding, dict):
            raise token_refused("claims")
        speaker = TokenSpeaker(issuer.url, audience, claims)
        return KnownToken(bundle.digest, issuer, keys, validity, match, speaker, binding)

    def _use_up(self, issuer: TokenIssuer, claims: JsonObject, validity: Validity, now: datetime) -> None:
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not 0 < len(token_id) <= MAX_ID:
            raise token_refused("claims")
        self._used.use_up(issuer.url, token_id, validity, now.timestamp())

    def _holds(self, known: KnownToken) -> bool:
        return known.issuer.keys is not None or self._source(known.issuer).holds(known.keys)

    def _source(self, issuer: TokenIssuer) -> KeySource:
        url = issuer.jwks_url or ""
        key = (url, issuer.jwks_max_age_seconds)
        source = self._sources.get(key)
        if source is None:
            source = KeySource(url, issuer.jwks_max_age_seconds, self._fetch, self._clock)
            self._sources[key] = source
        return source


def _skew(issuer: TokenIssuer) -> int:
    """None for tokens of one use: one from the future could be used before a restart and after it."""
    return 0 if issuer.one_time else SKEW_SECONDS


def _audience(claims: JsonObject) -> str | None:
    """The one audience: what is meant for several can be sent here by any of them."""
    value = claims.get("aud")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else None
