"""Why a credential does not hold, as an answer: one code for each cause, and nothing of the credential."""

from caveat.gateway.errors import FaultError, RequestError


def token_refused(code: str) -> RequestError:
    """The answer to a token that is not what it must be, by the code of `signing.jwt`."""
    match code:
        case "header":
            return RequestError(
                401,
                "token_header",
                "the token's header brings a key or an extension, which is never followed",
                "have it issued with `alg`, `kid` and `typ` alone",
            )
        case "type":
            return RequestError(
                401, "token_type", "the token is of another type", "send an access token or an ID token"
            )
        case "algorithm":
            return RequestError(
                401,
                "token_algorithm",
                "the token is signed with an algorithm that is not accepted of its issuer",
                "`algorithms` of the issuer in deployments.toml lists those that are",
            )
        case "expired":
            return RequestError(401, "token_expired", "the token has expired", "get a new token")
        case "not_yet_valid":
            return RequestError(
                401, "token_not_yet_valid", "the token is from the future", "check the clock of its issuer"
            )
        case "lifetime":
            return RequestError(
                401,
                "token_lifetime",
                "the token lives longer than its issuer's tokens may",
                "have it issued for at most `max_lifetime_seconds` of deployments.toml",
            )
        case "claims":
            return RequestError(
                401,
                "token_claims",
                "the token lacks a claim that it must have, or has one in another form",
                "it needs `iss`, one `aud`, `iat`, `exp`, as a rule `nbf`, and `jti` if it is for one use",
            )
        case _:
            return RequestError(
                401,
                "token_malformed",
                "the token is no JWT that every parser reads alike",
                "send it exactly as it was issued",
            )


def token_unknown(code: str) -> RequestError:
    """The answer to a token whose issuer, key, audience or subject is not the registered one."""
    match code:
        case "issuer":
            return RequestError(
                401,
                "token_issuer",
                "no registered issuer issued the token",
                "register it in deployments.toml",
            )
        case "key":
            return RequestError(
                401,
                "token_key",
                "the issuer has no key that could have signed the token",
                "get a new token; a new key of the issuer is seen after some seconds",
            )
        case "signature":
            return RequestError(
                401, "token_signature", "the token's signature is not its issuer's", "get a new token"
            )
        case "audience":
            return RequestError(
                401,
                "token_audience",
                "the token is meant for others than this gateway alone",
                "have it issued for exactly one `aud`, the registered one",
            )
        case _:
            return RequestError(
                401,
                "token_subject",
                "the token belongs to no deployment of the policy bundle in force",
                "`caveat keys callers BUNDLE` lists who is registered",
            )


def token_used(*, before_start: bool) -> RequestError:
    """The answer to a token for one use that has been used, or may have been."""
    if before_start:
        return RequestError(
            401,
            "token_before_start",
            "the token was issued before the gateway started, so it may have been used already",
            "get a new token",
        )
    return RequestError(
        401, "token_replayed", "the token was good for one use, and has been used", "get a new token"
    )


def token_not_bound() -> RequestError:
    """The answer to a token that is bound to another connection, or to none where it must be."""
    return RequestError(
        401,
        "token_not_bound",
        "the token is not bound to the certificate of this connection",
        "connect with the certificate that `cnf` names by `x5t#S256`",
    )


def certificate_refused(code: str) -> RequestError:
    """The answer to a client certificate that does not hold, by the code of `signing.svid`."""
    if code == "expired":
        return RequestError(
            401,
            "certificate_expired",
            "the client certificate has expired, or is not valid yet",
            "renew it and connect again",
        )
    if code == "unknown":
        return RequestError(
            401,
            "certificate_unknown",
            "the client certificate belongs to no deployment of the policy bundle in force",
            "`caveat keys callers BUNDLE` lists who is registered",
        )
    return RequestError(
        401,
        "certificate_invalid",
        "the client certificate is no X.509-SVID of a registered trust domain",
        "it needs one SPIFFE id, the use digitalSignature, and a chain to `ca` of deployments.toml",
    )


def certificate_required() -> RequestError:
    """The answer to a caller who shows no certificate where its deployment asks for one."""
    return RequestError(
        401,
        "certificate_required",
        "this deployment's callers come with a client certificate",
        "connect with a certificate that is registered for it",
    )


def forwarded_refused(*, trusted: bool) -> RequestError:
    """The answer to a forwarded certificate, from a peer that may not forward or in another form."""
    if not trusted:
        return RequestError(
            401,
            "proxy_untrusted",
            "only a registered proxy may forward a client certificate",
            "leave `x-forwarded-client-cert` away, or register the proxy in deployments.toml",
        )
    return RequestError(
        401,
        "forwarded_certificate",
        "the forwarded client certificate cannot be read in one way only",
        "the proxy sets it anew, with one element that has `Hash` and `Chain` or `Cert`",
    )


def identities_conflict() -> RequestError:
    """The answer to credentials that speak for different deployments."""
    return RequestError(
        401,
        "identity_conflict",
        "the key or token and the client certificate belong to different deployments",
        "send credentials of one deployment",
    )


def identity_unavailable() -> FaultError:
    """The answer where nobody can tell now whether a credential holds."""
    return FaultError(
        503,
        "identity_unavailable",
        "the keys of the token's issuer cannot be had, so the token cannot be checked",
        "try again later; the operator looks at `jwks_url` in deployments.toml",
    )
