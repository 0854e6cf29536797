"""A deployment moved from observe to enforce in a bundle folder, and the change adopted.

The change goes with an amendment, so that a gateway that serves the bundle as it was takes it up. The folder
is at every moment a bundle that may be served: new signatures are written first, then the changed
file takes the place of the old one in one step, and signatures of the old bundle go last. Where the given
signatures do not suffice, nothing is written.
"""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from caveat.cli.amending import amendment_files, signed_amendment
from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.cli.keys import read_private_key
from caveat.policy.amendment import check_step, parse_amendment
from caveat.policy.bundle import Bundle, bundle_digest, parse_bundle
from caveat.policy.signatures import sign_adoption
from caveat.policy.trust_signatures import PREFIX as TRUST_PREFIX
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey

_FILE = "deployments.toml"
_NEW = re.compile(r"\.[0-9a-f]{16}\.dsse\.json\Z")
_MODE = re.compile(r"""^(\s*mode\s*=\s*)(["'])observe\2(.*)$""")


@dataclass(frozen=True, slots=True)
class Change:
    """What was done. `before` and `digest`: the bundle's, equal where nothing was to be changed."""

    deployment: str
    changed: bool
    before: Digest
    digest: Digest
    signers: tuple[str, ...]

    def render(self) -> dict[str, object]:
        """As JSON."""
        return {
            "deployment": self.deployment,
            "mode": "enforce",
            "changed": self.changed,
            "before": self.before,
            "digest": self.digest,
            "signers": list(self.signers),
            "next": "SIGHUP" if self.changed else None,
        }


def enforce(folder: Path, deployment: str, keys: Sequence[str]) -> Change:
    """Changes the mode and signs; raises `CannotRunError` with nothing written."""
    bundle = load_bundle(folder)
    registered = bundle.deployments.get(deployment)
    if registered is None:
        known = ", ".join(sorted(bundle.deployments)) or "none"
        raise CannotRunError(f"the bundle registers no deployment `{deployment}`", f"registered: {known}")
    signing = _signing_keys(bundle, keys)
    if registered.mode == "enforce":
        return Change(
            deployment,
            changed=False,
            before=bundle.digest,
            digest=bundle.digest,
            signers=tuple(sorted(bundle.signers)),
        )
    files = {path: data for path, data in bundle.files.items() if not path.startswith("signatures/")}
    files[_FILE] = with_enforce(files[_FILE], deployment)
    digest = bundle_digest(files)
    signatures = {
        f"signatures/{actor}.{digest[:16]}.dsse.json": sign_adoption(bundle.manifest.name, digest, actor, key)
        for actor, key in signing.items()
    }
    adopted = parse_bundle({**files, **signatures})
    amendment = signed_amendment(bundle, adopted, list(signing.values()), f"{deployment} enforces")
    step = check_step(parse_amendment(amendment, draft=True), bundle, adopted)
    without = [f"`{name}`" for name in adopted.unsigned] or [f"this: {finding}" for finding in step.findings]
    if without:
        raise CannotRunError(
            f"these signatures do not suffice: {len(without)} parts lack consent, the first is {without[0]}",
            f"nothing was written; add --key ACTOR=FILE of {_others(bundle, signing)}",
        )
    signatures |= amendment_files(bundle, amendment)
    _write(folder, files[_FILE], signatures, set(bundle.files))
    signers = tuple(sorted(adopted.signers))
    return Change(deployment, changed=True, before=bundle.digest, digest=digest, signers=signers)


def with_enforce(text: bytes, deployment: str) -> bytes:
    """`deployments.toml` with this one mode changed, comments kept where the file is written plainly."""
    wanted = tomllib.loads(text.decode())
    wanted["deployments"][deployment]["mode"] = "enforce"
    lines = text.decode().split("\n")
    inside = False
    for place, line in enumerate(lines):
        if line.lstrip().startswith("["):
            inside = re.sub(r"[\s\"']", "", line.partition("#")[0]) == f"[deployments.{deployment}]"
        elif inside and (found := _MODE.match(line)):
            lines[place] = f"{found[1]}{found[2]}enforce{found[2]}{found[3]}"
            changed = "\n".join(lines)
            if tomllib.loads(changed) == wanted:
                return changed.encode()
    return tomli_w.dumps(wanted).encode()


def _signing_keys(bundle: Bundle, keys: Sequence[str]) -> Mapping[str, PrivateKey]:
    signing: dict[str, PrivateKey] = {}
    actors = bundle.manifest.actors
    for text in keys:
        actor, equals, file = text.partition("=")
        if not equals or not file:
            raise CannotRunError("`--key` is ACTOR=FILE", "for example --key provider=provider.pem")
        if actor not in actors:
            raise CannotRunError(
                f"the bundle has no actor `{actor}`", f"its actors: {', '.join(sorted(actors))}"
            )
        key = read_private_key(Path(file))
        if key.public() not in actors[actor]:
            raise CannotRunError(
                f"the key in `{file}` is none of `{actor}`",
                "`caveat keys show FILE` prints its public line; bundle.toml has those of the actor",
            )
        signing[actor] = key
    return signing


def _others(bundle: Bundle, signing: Mapping[str, PrivateKey]) -> str:
    enrolled = [actor for actor, keys in bundle.manifest.actors.items() if keys and actor not in signing]
    return ", ".join(enrolled) or "an actor that is not enrolled yet"


def _write(folder: Path, deployments: bytes, signatures: Mapping[str, bytes], old: set[str]) -> None:
    try:
        (folder / "signatures").mkdir(exist_ok=True)
        for path, data in signatures.items():
            _replace(folder / path, data)
        _replace(folder / _FILE, deployments)
        for path in old - signatures.keys():
            # Signatures of the trust policy by itself hold on: it has not changed.
            if path.startswith("signatures/") and not path.startswith(TRUST_PREFIX):
                (folder / path).unlink(missing_ok=True)
        for path in signatures:
            (folder / path).replace(folder / _NEW.sub(".dsse.json", path))
    except OSError as error:
        raise CannotRunError(
            f"`{error.filename}` cannot be written: {(error.strerror or '').lower()}",
            f"the bundle is whole as it was or as it should be; `caveat check --signed {folder}` says which",
        ) from error


def _replace(path: Path, data: bytes) -> None:
    """Writes the file whole and durably, or not at all."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
