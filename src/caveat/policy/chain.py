"""Which bundle may follow which: the chain of amendments from a bundle in force to the one to be loaded.

Laws: a bundle follows another only through amendments whose every step holds; numbers rise along a chain, so
that an amendment serves once; what is the same law word by word needs none. Whatever cannot be found or
checked is a finding, and the bundle in force stays. Source: POLICY section 5, ADR-0019.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from caveat.policy.amendment import (
    Amendment,
    AmendmentParseError,
    Step,
    check_step,
    lacking,
    parse_amendment,
)
from caveat.policy.bundle import Bundle
from caveat.policy.changes import changes
from caveat.policy.signatures import AMENDMENT_FILE
from caveat.signing.digest import Digest

History: TypeAlias = Callable[[Digest], Bundle | None]
"""Finds an earlier bundle by its digest. Whoever passes one has compared the digest with the files."""

MAX_AMENDMENTS = 500


class ChainError(ValueError):
    """No whole chain leads there. `findings`: why, one line each, the nearest first."""

    def __init__(self, findings: Iterable[str]) -> None:
        """`findings`: not empty."""
        self.findings = tuple(findings)
        super().__init__(self.findings[0])


@dataclass(frozen=True, slots=True)
class Standing:
    """A bundle in force, and the number of the last amendment that came into force, 0 for none."""

    digest: Digest
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps from a bundle in force to another, in order; none where both are the same law."""

    steps: tuple[Step, ...]

    @property
    def sequence(self) -> int:
        """The number that is in force at its end; 0 for a chain without steps."""
        return self.steps[-1].amendment.sequence if self.steps else 0


@dataclass(frozen=True, slots=True)
class Found:
    """An amendment as it lies in a bundle; `amendment` is None for a file that holds none."""

    file: str
    amendment: Amendment | None
    finding: str = ""


def amendments_in(bundle: Bundle) -> tuple[Found, ...]:
    """Every amendment that lies in the bundle's folder, by number; raises `ChainError` for too many."""
    paths = [path for path in bundle.files if AMENDMENT_FILE.match(path)]
    if len(paths) > MAX_AMENDMENTS:
        raise ChainError([f"there are more than {MAX_AMENDMENTS} amendments; begin from a newer root"])
    found: list[Found] = []
    for path in sorted(paths):
        try:
            found.append(Found(path, parse_amendment(bundle.files[path])))
        except AmendmentParseError as error:
            found.append(Found(path, None, f"`{path}`: {error}"))
    return tuple(sorted(found, key=lambda one: one.amendment.sequence if one.amendment else 0))


def last_sequence(bundle: Bundle) -> int:
    """The highest number of an amendment in the folder that leads to this bundle, whether it holds or not.

    Where a bundle is taken up for the first time, what lies before it is used up.
    """
    found = (one.amendment for one in amendments_in(bundle))
    return max((one.sequence for one in found if one is not None and one.new == bundle.digest), default=0)


def chain_to(bundle: Bundle, standing: Standing, history: History) -> Chain:
    """The shortest whole chain from what is in force to `bundle`; raises `ChainError` where there is none.

    `history` must find the bundle in force and those between. Steps are checked only where the chain
    gets to, so that junk in a folder costs nothing.
    """
    if bundle.digest == standing.digest:
        return Chain(())
    in_force = history(standing.digest)
    if in_force is None:
        raise ChainError([f"the files of the bundle in force, `{standing.digest[:16]}`, are not at hand"])
    if not changes(in_force, bundle):
        return Chain(())
    reached: dict[Digest, Chain] = {standing.digest: Chain(())}
    findings: list[str] = []
    for found in amendments_in(bundle):
        if found.amendment is None:
            findings.append(found.finding)
            continue
        before = _start(found.amendment, standing, reached)
        if before is None:
            continue
        step = _checked(found.amendment, bundle, history)
        if isinstance(step, str):
            findings.append(f"`{found.file}`: {step}")
            continue
        if step.findings:
            findings += [f"`{found.file}`: {finding}" for finding in step.findings]
            continue
        known = reached.get(found.amendment.new)
        if known is None or len(known.steps) > len(before.steps) + 1:
            reached[found.amendment.new] = Chain((*before.steps, step))
    if bundle.digest in reached:
        return reached[bundle.digest]
    raise ChainError(_why_not(bundle, in_force, standing, findings))


def _start(amendment: Amendment, standing: Standing, reached: dict[Digest, Chain]) -> Chain | None:
    before = reached.get(amendment.old)
    if before is None or amendment.sequence <= max(before.sequence, standing.sequence):
        return None
    return before


def _checked(amendment: Amendment, bundle: Bundle, history: History) -> Step | str:
    old = history(amendment.old)
    new = bundle if amendment.new == bundle.digest else history(amendment.new)
    if old is None or new is None:
        absent = amendment.old if old is None else amendment.new
        return f"the files of the bundle `{absent[:16]}` are not at hand; name them with --history"
    return check_step(amendment, old, new)


def _why_not(bundle: Bundle, in_force: Bundle, standing: Standing, findings: list[str]) -> list[str]:
    """What stands in the way: a step that does not hold, an amendment that is used up, or none at all."""
    if findings:
        return findings
    amendments = [found.amendment for found in amendments_in(bundle) if found.amendment is not None]
    used = [one for one in amendments if one.old == standing.digest and one.sequence <= standing.sequence]
    where = f"from the bundle in force, `{standing.digest[:16]}`, to `{bundle.digest[:16]}`"
    if used:
        said = f"amendment {used[-1].sequence} is used up, since {standing.sequence} is in force"
        return [f"{said}; a rollback, too, is an amendment with a number of its own"]
    first = f"no amendment leads {where}"
    if amendments:
        first = f"a link is missing: of {len(amendments)} amendments none begins at the bundle in force"
        first += f", `{standing.digest[:16]}`"
    return [first, *lacking(changes(in_force, bundle), frozenset())]


def lacks(bundle: Bundle, history: History) -> tuple[str, ...]:
    """What lacks consent: nothing where the bundle is adopted, or follows an adopted one by a whole chain."""
    if not bundle.unsigned:
        return ()
    try:
        adopted_chain(bundle, history)
    except ChainError:
        return bundle.unsigned
    return ()


def adopted_chain(bundle: Bundle, history: History) -> Chain:
    """The chain by which the bundle is adopted: none for one that its actors signed as it is.

    Raises `ChainError` where nobody's signatures carry it.
    """
    if not bundle.unsigned:
        return Chain(())
    findings: list[str] = []
    for found in amendments_in(bundle):
        root = history(found.amendment.old) if found.amendment is not None else None
        if root is None or root.unsigned:
            continue
        try:
            return chain_to(bundle, Standing(root.digest), history)
        except ChainError as error:
            findings += error.findings
    raise ChainError(
        findings or [f"the signatures that `{name}` asks for are missing" for name in bundle.unsigned]
    )
