"""`caveat attest` for the other kinds: provenance, legal process, targets, deployments, revoked keys."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from pydantic import ValidationError

from caveat.cli.attest import HEADER, attest_command, facts_of, header_value, subject_of, write_out
from caveat.cli.bundle import load_bundle
from caveat.cli.duration import parse_duration
from caveat.cli.exit import CannotRunError, because
from caveat.cli.keys import read_private_key
from caveat.evidence.instants import Period, StatementParseError, parse_time
from caveat.evidence.kinds import Engagement, LegalProcess, read_standard, selector
from caveat.evidence.predicates import Predicate, Scope, StandardModel
from caveat.evidence.revocation import RevocationList, mint_revocations
from caveat.evidence.statement import FactValue, Statement, Subject, mint_envelope
from caveat.evidence.trust import TrustError, parse_trust
from caveat.policy.registration import registration_digests
from caveat.signing.canonical import CanonicalError, StrictJsonError, parse_strict
from caveat.signing.digest import Digest

__all__ = ["attest_command"]

_PATH = click.Path(path_type=Path)
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _common(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """The options that every kind of statement has."""
    for option in (
        click.option("--header", is_flag=True, help=f"Write the value of the header {HEADER} instead."),
        click.option("--out", default="-", show_default=True, help="File for the envelope, or -."),
        click.option("--expires-in", default="30d", show_default=True, help="A number with s, m, h or d."),
        click.option("--single-use", is_flag=True, help="Good for one action only."),
        click.option("--audience", multiple=True, required=True, help="Deployment; repeatable."),
        click.option("--issuer", required=True, help="The issuer's id in trust.toml."),
        click.option("--key", "key_file", type=_PATH, required=True, help="Private key in PEM form."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the common options say."""

    key_file: Path
    issuer: str
    audience: tuple[str, ...]
    single_use: bool
    expires_in: str
    out: str
    header: bool

    def sign(self, kind: Predicate, subjects: tuple[Subject, ...], statement: "_Said") -> int:
        now = datetime.now(UTC).replace(microsecond=0)
        whole = Statement(
            issuer=self.issuer,
            subjects=subjects,
            facts=statement.facts,
            audience=self.audience,
            issued_at=now,
            expires_at=now + parse_duration("--expires-in", self.expires_in),
            id=secrets.token_hex(16),
            single_use=self.single_use,
            kind=kind,
            process=statement.process,
            engagement=statement.engagement,
        )
        return self.write(whole)

    def write(self, statement: Statement) -> int:
        try:
            envelope = mint_envelope(statement, [read_private_key(self.key_file)])
        except (StatementParseError, CanonicalError) as error:
            raise _unwanted(error) from error
        write_out(self.out, header_value(envelope) if self.header else envelope)
        return 0


@dataclass(frozen=True, slots=True)
class _Said:
    facts: dict[str, FactValue]
    process: LegalProcess | None = None
    engagement: Engagement | None = None


def _unwanted(error: Exception) -> CannotRunError:
    return CannotRunError(f"nobody would accept this: {error}", "docs/reference/evidence.md has each shape")


def _period(begin: str, end: str) -> Period:
    try:
        return Period(parse_time(begin), parse_time(end))
    except ValueError as error:
        raise CannotRunError(f"`--from` or `--to`: {error}", "write 2030-01-31T12:00:00Z") from error


@attest_command.command("provenance")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@_common
@click.option("--fact", "facts", multiple=True, required=True, metavar="NAME=VALUE", help="Repeatable.")
@click.option("--each", multiple=True, metavar="FACT", help="True of each record, not of the whole alone.")
@click.option("--source", required=True, help="Lineage root, under which totals over time are kept.")
@click.option("--basis", multiple=True, help="Legal basis, as `6(1)(a)`; repeatable.")
@click.option("--standard", type=_PATH, required=True, help="The codes of the standard, as JSON.")
@click.option("--id-column", help="The column that identifies persons.")
@click.option("--namespace", help="Put before each file's name in the subject, with a `/`.")
def provenance_command(
    files: tuple[Path, ...],
    facts: tuple[str, ...],
    each: tuple[str, ...],
    source: str,
    basis: tuple[str, ...],
    standard: Path,
    id_column: str | None,
    namespace: str | None,
    **common: object,
) -> int:
    """Attest where the data in FILES come from: facts, lineage root, legal basis and the standard's codes.

    \b
    Example:
      caveat attest provenance devices.csv --key owner.pem --issuer agency-data-owner \\
        --audience analytics-desk --fact acquisition_channel=consented --each acquisition_channel \\
        --source root:devices --basis "6(1)(a)" --standard standard.json --out devices.dsse.json
    """
    asked = _Asked(**common)  # type: ignore[arg-type]  # click has typed each option
    now = datetime.now(UTC).replace(microsecond=0)
    statement = Statement(
        issuer=asked.issuer,
        subjects=tuple(subject_of(file, namespace) for file in files),
        facts=facts_of(facts, None),
        audience=asked.audience,
        issued_at=now,
        expires_at=now + parse_duration("--expires-in", asked.expires_in),
        id=secrets.token_hex(16),
        single_use=asked.single_use,
        source=source,
        id_column=id_column,
        kind=Predicate.PROVENANCE,
        scope=dict.fromkeys(each, Scope.EACH),
        provenance=replace(read_standard(_standard(standard)), basis=basis),
    )
    return asked.write(statement)


def _standard(file: Path) -> StandardModel:
    try:
        return StandardModel.model_validate(parse_strict(file.read_bytes(), max_bytes=1 << 16))
    except OSError as error:
        raise CannotRunError(f"`{file}` cannot be read: {because(error)}", "check the path") from error
    except StrictJsonError as error:
        raise CannotRunError(f"`{file}` is not JSON: {error}", "write one object") from error
    except ValidationError as error:
        place = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])
        raise CannotRunError(
            f"`{file}`, `{place}`: not as the standard has it", "docs/reference/evidence.md lists the codes"
        ) from error


@attest_command.command("process")
@click.argument("order", type=_PATH)
@_common
@click.option("--process", required=True, help="Its kind, a value of the fact `legal_process`.")
@click.option("--authority", required=True, help="Who ordered it, as an id.")
@click.option("--selector", "selectors", multiple=True, help="A person or thing that it names; repeatable.")
@click.option("--data", "data", type=_PATH, multiple=True, help="Data that it names, by their bytes.")
@click.option("--hidden", is_flag=True, help="Name selectors by HMAC under a key in the statement.")
@click.option("--general", is_flag=True, help="It names nobody, and holds for all that the audience does.")
@click.option("--from", "begin", required=True, help="In force from, as 2030-01-31T12:00:00Z.")
@click.option("--to", "end", required=True, help="Until, excluded.")
def process_command(
    order: Path,
    process: str,
    authority: str,
    selectors: tuple[str, ...],
    data: tuple[Path, ...],
    begin: str,
    end: str,
    *,
    hidden: bool,
    general: bool,
    **common: object,
) -> int:
    """Attest the legal process whose document is the file ORDER: which, over whom, and when.

    \b
    Example:
      caveat attest process order.pdf --key counsel.pem --issuer legal-office --audience analytics-desk \\
        --process court_order --authority court:seventh --selector device:4711 \\
        --from 2030-01-01T00:00:00Z --to 2030-02-01T00:00:00Z --header
    """
    key = secrets.token_bytes(32) if hidden else None
    if hidden and data:
        raise CannotRunError("`--hidden` is for selectors, not for `--data`", "leave one of them out")
    named = [selector(name, key) for name in selectors] + [subject_of(file, None).digest for file in data]
    detail = LegalProcess(process, authority, frozenset(named), key, general, _period(begin, end))
    asked = _Asked(**common)  # type: ignore[arg-type]  # click has typed each option
    said = _Said({"legal_process": process}, process=detail)
    return asked.sign(Predicate.LEGAL_PROCESS, (subject_of(order, None),), said)


@attest_command.command("target")
@click.argument("scope", type=_PATH)
@_common
@click.option("--owner", required=True, help="Who has authority over the targets, as an id.")
@click.option("--authorization", required=True, help="A value of the fact `target_authorization`.")
@click.option("--class", "target_class", help="A value of the fact `target_class`.")
@click.option("--host", "hosts", multiple=True, help="A host, or `*.` and a domain; repeatable.")
@click.option("--network", "networks", multiple=True, help="A network, as 10.1.0.0/16; repeatable.")
@click.option("--from", "begin", required=True, help="In force from, as 2030-01-31T12:00:00Z.")
@click.option("--to", "end", required=True, help="Until, excluded.")
def target_command(
    scope: Path,
    owner: str,
    authorization: str,
    target_class: str | None,
    hosts: tuple[str, ...],
    networks: tuple[str, ...],
    begin: str,
    end: str,
    **common: object,
) -> int:
    """Attest the owner's scope of engagement, whose document is the file SCOPE: hosts, networks, period.

    \b
    Example:
      caveat attest target scope.pdf --key owner.pem --issuer lab-owner --audience red-team \\
        --owner org:lab --authorization owner_authorized --class materiel --host "*.lab.example" \\
        --network 10.1.0.0/16 --from 2030-01-01T00:00:00Z --to 2030-02-01T00:00:00Z --header
    """
    try:
        inside = tuple(ip_network(network) for network in networks)
    except ValueError as error:
        raise CannotRunError("`--network` is written like 10.1.0.0/16", "the host bits are zero") from error
    period = _period(begin, end)
    detail = Engagement(owner, authorization, target_class, frozenset(hosts), inside, period)
    facts: dict[str, FactValue] = {"target_authorization": authorization}
    if target_class is not None:
        facts["target_class"] = target_class
    asked = _Asked(**common)  # type: ignore[arg-type]  # click has typed each option
    return asked.sign(Predicate.TARGET, (subject_of(scope, None),), _Said(facts, engagement=detail))


@attest_command.command("deployment")
@click.argument("deployment")
@_common
@click.option("--bundle", type=_PATH, required=True, help="The bundle that registers it.")
@click.option("--fact", "facts", multiple=True, required=True, metavar="NAME=VALUE", help="Repeatable.")
def deployment_command(deployment: str, bundle: Path, facts: tuple[str, ...], **common: object) -> int:
    """Attest facts of the DEPLOYMENT as the bundle registers it. Amend it, and they no longer count.

    \b
    Example:
      caveat attest deployment analytics-desk --bundle policies/mine --key registrar.pem \\
        --issuer registrar --audience analytics-desk --fact deployer_verified=true --header
    """
    loaded = load_bundle(bundle)
    digest = registration_digests(loaded.files).get(deployment)
    if digest is None:
        known = ", ".join(sorted(loaded.deployments)) or "none"
        raise CannotRunError(f"the bundle registers no deployment `{deployment}`", f"registered: {known}")
    asked = _Asked(**common)  # type: ignore[arg-type]  # click has typed each option
    said = _Said(facts_of(facts, loaded.registry))
    return asked.sign(Predicate.DEPLOYMENT, (Subject(deployment, digest),), said)


@attest_command.command("revocations")
@click.option("--bundle", type=_PATH, required=True, help="The bundle whose trust.toml names the authority.")
@click.option("--key", "key_file", type=_PATH, required=True, help="Private key in PEM form.")
@click.option("--issuer", required=True, help="The authority's id in trust.toml.")
@click.option("--number", type=click.IntRange(min=1), required=True, help="Greater than that of any before.")
@click.option("--revoke", multiple=True, metavar="KEYID=TIME", help="A key, and since when; repeatable.")
@click.option("--expires-in", default="1d", show_default=True, help="A number with s, m, h or d.")
@click.option("--out", default="-", show_default=True, help="File for the envelope, or -.")
def revocations_command(
    bundle: Path,
    key_file: Path,
    issuer: str,
    number: int,
    revoke: tuple[str, ...],
    expires_in: str,
    out: str,
) -> int:
    """List what is revoked of all keys that the authority covers; a gateway takes it at /v1/revocations.

    Name every key that was revoked before, too: a list that gives one back is refused.

    \b
    Example:
      caveat attest revocations --bundle policies/mine --key keeper.pem --issuer keeper --number 7 \\
        --revoke 9f2c…=2030-01-31T12:00:00Z --out revocations.dsse.json
    """
    try:
        trust = parse_trust(load_bundle(bundle).files["trust.toml"])
        revoked = {Digest(key): parse_time(time) for key, _, time in (one.partition("=") for one in revoke)}
    except TrustError as error:
        raise CannotRunError(
            f"trust.toml: {error}", f"`caveat check {bundle}` lists every finding"
        ) from error
    except ValueError as error:
        raise CannotRunError(f"`--revoke`: {error}", "write KEYID=2030-01-31T12:00:00Z") from error
    authority = trust.authorities.get(issuer)
    if authority is None:
        raise CannotRunError(
            f"`{issuer}` keeps no list of revocations in this bundle", "trust.toml names who does"
        )
    covered = [one for one in trust.issuers.values() if one.id in authority.covers]
    now = datetime.now(UTC).replace(microsecond=0)
    end = now + parse_duration("--expires-in", expires_in)
    keys = tuple(Subject(one.id, one.keyid) for one in covered)
    try:
        said = RevocationList(issuer, number, now, end, keys, revoked)
        write_out(out, mint_revocations(said, [read_private_key(key_file)]))
    except (StatementParseError, CanonicalError) as error:
        raise _unwanted(error) from error
    return 0
