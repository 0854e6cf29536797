"""Who speaks for which deployment, as a policy bundle registers it; callers are named as in records."""

from collections.abc import Iterator, Sequence

from caveat.cli.fitted import show_rows
from caveat.policy.bundle import Bundle
from caveat.policy.callers import certificate_principal
from caveat.policy.deployments import Deployment
from caveat.signing.canonical import Json, JsonObject


def registered_callers(bundle: Bundle) -> list[JsonObject]:
    """A row for each registration, by deployment; `principal` is null where it is one for each SPIFFE id."""
    return [row for deployment in bundle.deployments.values() for row in _of(bundle, deployment)]


def _of(bundle: Bundle, deployment: Deployment) -> Iterator[JsonObject]:
    for digest in sorted(deployment.key_digests):
        yield _row(deployment, "key", f"key:{digest[:16]}", {"digest": digest})
    urls = {issuer.id: issuer.url for issuer in bundle.identity.issuers.values()}
    for caller in deployment.callers.tokens:
        identity: JsonObject = {
            "issuer": urls[caller.issuer],
            "audience": caller.audience,
            "claims": dict[str, Json](sorted(caller.claims.items())),
            "sender_constrained": caller.sender_constrained,
        }
        yield _row(deployment, "oidc", caller.principal, identity)
    for certificate in deployment.callers.certificates:
        is_prefix = certificate.id.endswith("/")
        principal = None if is_prefix else certificate_principal(certificate.id)
        yield _row(deployment, "mtls", principal, {"prefix" if is_prefix else "spiffe_id": certificate.id})


def _row(deployment: Deployment, means: str, principal: str | None, identity: JsonObject) -> JsonObject:
    return {
        "deployment": deployment.id,
        "means": means,
        "principal": principal,
        "certificate_required": deployment.callers.certificate_required,
        "identity": identity,
    }


def show_callers(rows: Sequence[JsonObject]) -> None:
    """A table on standard output."""
    cells: list[tuple[str, ...]] = []
    for row in rows:
        needs = ", with a certificate" if row["certificate_required"] and row["means"] != "mtls" else ""
        principal = row["principal"] or "one for each id"
        cells.append(
            (str(row["deployment"]), f"{row['means']}{needs}", str(principal), _say(row["identity"]))
        )
    show_rows(("deployment", "means", "principal", "identity"), cells)


def _say(identity: Json) -> str:
    match identity:
        case {"digest": str(digest)}:
            return f"sha256 {digest[:16]}"
        case {"issuer": issuer, "audience": audience, "claims": dict(claims), "sender_constrained": bound}:
            said = ", ".join(f"{name} = {value}" for name, value in claims.items())
            return f"{issuer} for {audience}: {said}{', bound to its certificate' if bound else ''}"
        case {"spiffe_id": spiffe_id}:
            return str(spiffe_id)
        case {"prefix": prefix}:
            return f"{prefix}…"
        case _:
            raise ValueError("no registration")
