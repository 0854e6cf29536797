"""Clauses: one Cedar policy each, with the annotations that say whose they are and who may change them."""

from collections.abc import Sequence
from dataclasses import dataclass

from caveat.policy.amend import AmendError, Formula, parse_amend
from caveat.policy.expression import Condition, Literal, Not, conjunction
from caveat.policy.redaction import RedactionError, parse_kinds
from caveat.policy.translate import TranslationError, Translator
from caveat.signing.canonical import Json, JsonObject

AUTHORITIES = ("statute", "regulation", "directive", "contract", "vendor_aup", "technical")
POINTS = ("prompt", "tool", "output")
_ANNOTATIONS = frozenset(
    {
        "id",
        "clause",
        "text",
        "authority",
        "source",
        "amend",
        "red_line",
        "always_enforced",
        "notice",
        "redact",
    }
)


class ClauseError(ValueError):
    """A policy is no clause; the message names it and says what is missing."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One Cedar policy as the evaluator reads it.

    `id` is unique; `clauses` are the ids of the policy document that it serves (one policy may serve two,
    and falls with either). `points` are the points of control where it applies. `redacts`: kinds of content
    that it has replaced where it binds, instead of forbidding the use; empty for every other clause.
    """

    id: str
    clauses: tuple[str, ...]
    effect: str
    points: frozenset[str]
    condition: Condition
    text: str
    authority: str
    source: str
    amend: Formula
    amend_text: str
    red_line: str | None
    always_enforced: bool
    redacts: frozenset[str] = frozenset()

    @property
    def is_permit(self) -> bool:
        """Whether the clause permits; otherwise it forbids."""
        return self.effect == "permit"


def parse_clauses(policies: Sequence[JsonObject], translator: Translator) -> tuple[list[Clause], list[str]]:
    """The clauses, and a finding for each policy that is none.

    Annotations that a policy leaves out are taken from the first policy with the same first `@clause`.
    """
    clauses: list[Clause] = []
    findings: list[str] = []
    shared: dict[str, dict[str, str]] = {}
    for policy in policies:
        try:
            clauses.append(_clause(policy, translator, shared))
        except (ClauseError, TranslationError, AmendError, RedactionError) as error:
            name = _annotations(policy).get("id", "without @id")
            findings.append(f"clause `{name}`: {error}")
    return clauses, findings


def _annotations(policy: JsonObject) -> dict[str, str]:
    annotations = policy.get("annotations")
    if not isinstance(annotations, dict):
        return {}
    return {key: value if isinstance(value, str) else "" for key, value in annotations.items()}


def _clause(policy: JsonObject, translator: Translator, shared: dict[str, dict[str, str]]) -> Clause:
    own = _annotations(policy)
    if not own.get("id"):
        raise ClauseError("give every policy a unique `@id`")
    unknown = own.keys() - _ANNOTATIONS
    if unknown:
        raise ClauseError(f"annotation `@{min(unknown)}` is not known; see docs/reference/policy.md")
    served = tuple(word.strip() for word in own.get("clause", own["id"]).split(","))
    given = shared.setdefault(served[0], {}) | own
    shared[served[0]] = {key: value for key, value in given.items() if key not in {"id", "clause"}}
    for name in ("text", "authority", "amend"):
        if not given.get(name):
            raise ClauseError(f"`@{name}` is missing")
    if given["authority"] not in AUTHORITIES:
        raise ClauseError(f"`@authority` is one of {', '.join(AUTHORITIES)}")
    effect = policy.get("effect")
    if given.get("red_line") is not None and effect != "forbid":
        raise ClauseError("a red line forbids; it cannot be a permit")
    if "always_enforced" in own and effect != "forbid":
        raise ClauseError("`@always_enforced` stands on a forbid; a permit holds nothing back")
    if "redact" in own and (effect != "forbid" or own.keys() & {"red_line", "always_enforced"}):
        raise ClauseError("`@redact` stands on a forbid that is no red line and not `@always_enforced`")
    return Clause(
        id=own["id"],
        clauses=served,
        effect=str(effect),
        points=_points(policy),
        condition=_condition(policy, translator),
        text=given["text"],
        authority=given["authority"],
        source=given.get("source", ""),
        amend=parse_amend(given["amend"]),
        amend_text=given["amend"],
        red_line=own.get("red_line"),
        always_enforced="always_enforced" in own,
        redacts=parse_kinds(own["redact"]) if "redact" in own else frozenset(),
    )


def _points(policy: JsonObject) -> frozenset[str]:
    for scope in ("principal", "resource"):
        if policy.get(scope) != {"op": "All"}:
            raise ClauseError(f"conditions on facts go into `when`; leave `{scope}` open")
    action = policy.get("action")
    if not isinstance(action, dict):
        raise ClauseError("the action scope is not readable")
    if action.get("op") == "All":
        return frozenset(POINTS)
    entities = action.get("entities") if action.get("op") == "in" else [action.get("entity")]
    names = [_action_name(entity) for entity in entities] if isinstance(entities, list) else []
    if not names or not set(names) <= set(POINTS):
        raise ClauseError('actions are Action::"prompt", Action::"tool" and Action::"output"')
    return frozenset(names)


def _action_name(entity: Json) -> str:
    if isinstance(entity, dict) and entity.get("type") == "Action":
        return str(entity.get("id"))
    return ""


def _condition(policy: JsonObject, translator: Translator) -> Condition:
    conditions = policy.get("conditions")
    parts: list[Condition] = []
    for entry in conditions if isinstance(conditions, list) else []:
        if not isinstance(entry, dict):
            raise ClauseError("a condition is not readable")
        body = translator.condition(entry.get("body"))
        parts.append(body if entry.get("kind") == "when" else Not(body))
    return conjunction(tuple(parts)) if parts else Literal(value=True)
