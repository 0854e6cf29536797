"""What a policy bundle says, clause by clause, so that two drafts can be laid side by side.

The *content* of a clause is what decides: effect, points of control and conditions, with limits put in as
numbers. Id, wording and who may amend it are not part of it. Equal content is equal meaning under equal
facts; unequal content may still mean the same, which only an analysis of meaning can tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from caveat.policy.bundle import Bundle
from caveat.policy.cedar import parse_policies, put_in_limits
from caveat.signing.canonical import JsonObject, canonical
from caveat.signing.digest import Digest, sha256


@dataclass(frozen=True, slots=True)
class Item:
    """One clause of the document. `policies` enforce it. `formalities`: authority, amenders, marks."""

    id: str
    text: str
    content: Digest
    formalities: tuple[str, ...]
    policies: tuple[str, ...]


class Difference(StrEnum):
    """How one part of the terms differs from another's."""

    ADDED = "added"
    REMOVED = "removed"
    RENUMBERED = "renumbered"
    CONDITION = "condition"
    TEXT = "text"
    FORMALITIES = "formalities"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference in a part of this kind: `clause`, `limit`, `fact` and so on. `to`: its new id."""

    kind: str
    id: str
    difference: Difference
    to: str | None = None


def items(bundle: Bundle) -> Mapping[str, Item]:
    """Every clause of the bundle's document by id: policies and process clauses."""
    grouped: dict[str, list[tuple[str, JsonObject]]] = {}
    by_id = {clause.id: clause for clause in bundle.clauses}
    for policy_id, policy in _policies(bundle):
        for name in by_id[policy_id].clauses:
            grouped.setdefault(name, []).append((policy_id, policy))
    found = {name: _item(bundle, name, parts) for name, parts in grouped.items()}
    for row in bundle.manifest.process:
        formalities = (row.authority, row.amend_text)
        if row.id in found:
            item = found[row.id]
            content = _digest([item.content, row.mechanism])
            found[row.id] = Item(row.id, row.text, content, (*item.formalities, *formalities), item.policies)
        else:
            found[row.id] = Item(row.id, row.text, _digest([row.mechanism]), formalities, ())
    return dict(sorted(found.items()))


def compare_bundles(old: Bundle, new: Bundle) -> tuple[Change, ...]:
    """What differs by structure; empty where all that binds is equal, however its files are laid out.

    Nothing is said about meaning: a condition put otherwise is a difference here, whatever it permits.
    """
    changes = list(_compare_items(items(old), items(new)))
    for kind, before, after in _tables(old, new):
        changes += _compare_table(kind, before, after)
    for name in ("trust.toml", "tools.toml"):
        if old.files[name] != new.files[name]:
            changes.append(Change("file", name, Difference.CHANGED))
    changes += _settings(old, new)
    return tuple(changes)


def _compare_items(old: Mapping[str, Item], new: Mapping[str, Item]) -> Iterator[Change]:
    removed = [name for name in old if name not in new]
    added = [name for name in new if name not in old]
    for name in removed:
        twin = next((other for other in added if new[other].content == old[name].content), None)
        if twin is None:
            yield Change("clause", name, Difference.REMOVED)
        else:
            added.remove(twin)
            yield Change("clause", name, Difference.RENUMBERED, twin)
    for name in added:
        yield Change("clause", name, Difference.ADDED)
    for name in old:
        if name in new:
            before, after = old[name], new[name]
            if before.content != after.content:
                yield Change("clause", name, Difference.CONDITION)
            if before.text != after.text:
                yield Change("clause", name, Difference.TEXT)
            if before.formalities != after.formalities:
                yield Change("clause", name, Difference.FORMALITIES)


def _tables(old: Bundle, new: Bundle) -> Iterator[tuple[str, Mapping[str, object], Mapping[str, object]]]:
    yield "limit", old.manifest.limits, new.manifest.limits
    yield "fact", old.registry.facts, new.registry.facts
    yield "role", old.manifest.roles, new.manifest.roles
    yield "actor", old.manifest.actors, new.manifest.actors
    yield "deployment", old.deployments, new.deployments
    yield "red_line", _by_id(old), _by_id(new)


def _by_id(bundle: Bundle) -> Mapping[str, object]:
    return {clause.id: clause for clause in bundle.red_lines}


def _compare_table(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Change]:
    for name in old:
        if name not in new:
            yield Change(kind, name, Difference.REMOVED)
        elif old[name] != new[name]:
            yield Change(kind, name, Difference.CHANGED)
    for name in new:
        if name not in old:
            yield Change(kind, name, Difference.ADDED)


def _settings(old: Bundle, new: Bundle) -> Iterator[Change]:
    for name in ("step_budget", "interval_role", "typed_text_max_bytes", "home_jurisdiction", "development"):
        if getattr(old.manifest, name) != getattr(new.manifest, name):
            yield Change("setting", name, Difference.CHANGED)


def _policies(bundle: Bundle) -> Iterator[tuple[str, JsonObject]]:
    for path in sorted(bundle.files):
        if path.startswith("clauses/"):
            for policy in parse_policies(bundle.files[path].decode()):
                annotations = policy["annotations"]
                if isinstance(annotations, dict):
                    yield str(annotations["id"]), policy


def _item(bundle: Bundle, name: str, parts: list[tuple[str, JsonObject]]) -> Item:
    limits = {limit.id: limit.value for limit in bundle.manifest.limits.values()}
    contents = sorted(
        _digest([policy["effect"], policy["action"], put_in_limits(policy["conditions"], limits)])
        for _, policy in parts
    )
    ids = tuple(policy_id for policy_id, _ in parts)
    clauses = [clause for clause in bundle.clauses if clause.id in ids]
    formalities = {
        word
        for clause in clauses
        for word in (
            f"authority {clause.authority}",
            f"source {clause.source}",
            f"amend {clause.amend_text}",
            f"red line {clause.red_line}",
            f"always enforced {clause.always_enforced}",
        )
    }
    text = "\n".join(dict.fromkeys(clause.text for clause in clauses))
    return Item(name, text, _digest(contents), tuple(sorted(formalities)), ids)


def _digest(value: Sequence[object]) -> Digest:
    return sha256(canonical(value))
