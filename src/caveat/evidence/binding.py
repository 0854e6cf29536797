"""Whether a statement is about this very use: its data, its deployment, its target, whom a process names.

Pure. Fails towards absence: what cannot be compared is not bound. Source: attacks 4, 5 and 160 to 162 in
`THREAT_MODEL.md`, ADR-0021.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from caveat.evidence.defects import DefectCode
from caveat.evidence.kinds import Engagement, LegalProcess, selector
from caveat.evidence.predicates import Predicate
from caveat.evidence.statement import Statement
from caveat.signing.digest import Digest

OF_USE = frozenset({Predicate.LEGAL_PROCESS, Predicate.TARGET, Predicate.DEPLOYMENT})
"""Kinds that speak of the use as a whole, and of no part of it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a statement is bound to: data parts by digest, or, where there are none, the use as a whole."""

    parts: frozenset[Digest] = frozenset()


def bind(
    statement: Statement, parts: frozenset[Digest], targets: tuple[str, ...], registration: Digest | None
) -> Bound | DefectCode:
    """What the statement is bound to in a use of these parts, targets and registration; or why it is not."""
    if statement.process is not None:
        return _by_selectors(statement.process, parts, targets)
    if statement.engagement is not None:
        return _by_targets(statement.engagement, targets)
    if statement.kind is Predicate.DEPLOYMENT:
        named = any(subject.digest == registration for subject in statement.subjects)
        return Bound() if named else DefectCode.REGISTRATION
    bound = parts.intersection([subject.digest for subject in statement.subjects])
    return Bound(bound) if bound else DefectCode.SUBJECT


def includes_target(engagement: Engagement, target: str) -> bool:
    """Whether a host name, an address or a network lies wholly inside the scope. Nothing is looked up."""
    try:
        network = ip_network(target)
    except ValueError:
        return _includes_host(engagement.hosts, target.lower())
    return any(_lies_in(network, wide) for wide in engagement.networks)


def _lies_in(network: IPv4Network | IPv6Network, wide: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(wide, IPv4Network):
        return network.subnet_of(wide)
    if isinstance(network, IPv6Network) and isinstance(wide, IPv6Network):
        return network.subnet_of(wide)
    return False


def _includes_host(hosts: frozenset[str], host: str) -> bool:
    if host.startswith("*"):
        return host in hosts
    above = host
    while "." in above:
        above = above.partition(".")[2]
        if f"*.{above}" in hosts:
            return True
    return host in hosts


def _by_targets(engagement: Engagement, targets: tuple[str, ...]) -> Bound | DefectCode:
    if not targets:
        return DefectCode.NO_TARGET
    inside = all(includes_target(engagement, target) for target in targets)
    return Bound() if inside else DefectCode.TARGET


def _by_selectors(
    process: LegalProcess, parts: frozenset[Digest], targets: tuple[str, ...]
) -> Bound | DefectCode:
    if process.general:
        return Bound()
    if targets:
        named = all(selector(target, process.selector_key) in process.selectors for target in targets)
        return Bound() if named else DefectCode.SELECTOR
    if process.selector_key is None and process.selectors & parts:
        # Of the data that it names alone: what stands beside them in the use was not named.
        return Bound(process.selectors & parts)
    return DefectCode.SELECTOR if parts else DefectCode.NO_TARGET
