"""Public sentences about a policy as formal properties: proved, refuted with a use, or not expressible.

A sentence that nothing can be said of is `not_expressible` with its reason, which is a result; one without
an answer is `unknown`, which is not. Source: POLICY section 4, `docs/reference/prove.md`, ADR-0017.
"""

import tomllib
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.analysis.board import Found
from caveat.analysis.encode import Encoder
from caveat.analysis.errors import StatementError
from caveat.analysis.frame import Frame
from caveat.analysis.power import Power
from caveat.analysis.questions import Questions
from caveat.analysis.solve import Answer, Term, disj, neg
from caveat.analysis.witness import Witness, is_permitted, live_decision
from caveat.policy.bundle import Bundle
from caveat.policy.cedar import CedarTextError, parse_policies, validation_findings
from caveat.policy.clause import ClauseError, parse_clauses
from caveat.policy.expression import Condition
from caveat.policy.schema import cedar_schema
from caveat.policy.translate import Translator
from caveat.signing.canonical import JsonObject

Kind = Literal["never", "only_with_approval", "possible", "holds_against", "consents", "not_expressible"]
_NEEDS: dict[str, tuple[str, ...]] = {
    "never": ("when",),
    "only_with_approval": ("when", "role"),
    "possible": ("when",),
    "holds_against": ("red_line", "adversary"),
    "consents": ("red_line", "at_least"),
    "not_expressible": ("reason",),
}
_ANNOTATIONS = '@id("sentence") @text("A sentence.") @authority("technical") @amend("somebody")'


class StatementModel(BaseModel):
    """One `[[statement]]` of the file."""

    model_config = ConfigDict(extra="forbid", strict=True)
    id: str
    says: str
    kind: Kind
    source: str = ""
    when: str | None = None
    role: str | None = None
    red_line: str | None = None
    adversary: Literal["honest", "silent", "liar", "evader", "issuer", "operator"] | None = None
    at_least: int | None = Field(default=None, ge=1)
    reason: str | None = None


class _FileModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    version: Literal[1]
    statement: list[StatementModel] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, with its condition on facts where it has one."""

    model: StatementModel
    condition: Condition | None


def parse_statements(data: bytes, bundle: Bundle) -> tuple[Sentence, ...]:
    """The sentences of a file; raises `StatementError` for the first that cannot be asked of the bundle."""
    try:
        model = _FileModel.model_validate(tomllib.loads(data.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StatementError("the file of statements is no TOML in UTF-8") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise StatementError(
            f"statements, `{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}"
        ) from error
    ids = [one.id for one in model.statement]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise StatementError(f"statement `{twice[0]}` is given twice")
    return tuple(_sentence(one, bundle) for one in model.statement)


def _sentence(model: StatementModel, bundle: Bundle) -> Sentence:
    wanted = _NEEDS[model.kind]
    for name in ("when", "role", "red_line", "adversary", "at_least", "reason"):
        if (getattr(model, name) is not None) != (name in wanted):
            word = "needs" if name in wanted else "has no"
            raise StatementError(f"statement `{model.id}`: `{model.kind}` {word} `{name}`")
    if model.role is not None and model.role not in bundle.policy.roles:
        raise StatementError(f"statement `{model.id}`: `{model.role}` is no approver role of the bundle")
    return Sentence(model, None if model.when is None else _condition(model.id, model.when, bundle))


def _condition(name: str, text: str, bundle: Bundle) -> Condition:
    policy = f"{_ANNOTATIONS} permit (principal, action, resource) when {{ {text} }};"
    limits = {key: limit.value for key, limit in bundle.manifest.limits.items()}
    try:
        policies = parse_policies(policy)
        wrong = list(validation_findings(policy, cedar_schema(bundle.registry, limits)))
        clauses, findings = parse_clauses(policies, Translator(bundle.registry, limits))
    except (CedarTextError, ClauseError) as error:
        raise StatementError(f"statement `{name}`: {error}") from error
    wrong += findings
    if wrong or len(clauses) != 1:
        raise StatementError(f"statement `{name}`: {wrong[0] if wrong else 'one condition is expected'}")
    return clauses[0].condition


def answer_sentences(
    sentences: tuple[Sentence, ...], questions: Questions, power: Power, document: JsonObject
) -> list[JsonObject]:
    """A row for each sentence; `document` is what was proved of the bundle already."""
    return [_answered(sentence, questions, power, document) for sentence in sentences]


def _answered(sentence: Sentence, questions: Questions, power: Power, document: JsonObject) -> JsonObject:
    model = sentence.model
    result, use = _result(sentence, questions, power, document)
    row: JsonObject = {"id": model.id, "says": model.says, "kind": model.kind, "result": result}
    if model.source:
        row["source"] = model.source
    if use is not None:
        row["use"] = use.render()
    if model.reason is not None:
        row["reason"] = model.reason
    return row


def _result(
    sentence: Sentence, questions: Questions, power: Power, document: JsonObject
) -> tuple[str, Witness | None]:
    model, condition = sentence.model, sentence.condition
    match model.kind:
        case "never":
            term = _holding(power.board.truth, condition)
            nobody = power.nobody(power.actors, power.corrupt, power.second)
            return _refuted_by(power.board.find(power.board.solver.name(term), *nobody, neg(power.operator)))
        case "possible":
            board = questions.board
            term = board.solver.name(_holding(board.truth, condition))
            found = board.find(term, questions.honest[0], questions.only(0))
            result = {Answer.SATISFIABLE: "proved", Answer.UNSATISFIABLE: "refuted"}
            return result.get(found.answer, "unknown"), found.witness
        case "only_with_approval":
            return _without_approval(questions, condition, model.role or "")
        case "holds_against":
            row = _line(document, model)
            answer = row["holds"]
            held = answer.get(model.adversary or "") if isinstance(answer, dict) else None
            if not isinstance(held, bool):
                return "unknown", None
            return ("proved" if held else "refuted"), None
        case "consents":
            consents = _line(document, model)["consents"]
            if consents is None:
                return "proved", None
            if not isinstance(consents, int):
                return "unknown", None
            return ("proved" if consents >= (model.at_least or 1) else "refuted"), None
        case "not_expressible":
            return "not_expressible", None


def _refuted_by(found: Found) -> tuple[str, Witness | None]:
    result = {Answer.SATISFIABLE: "refuted", Answer.UNSATISFIABLE: "proved"}
    return result.get(found.answer, "unknown"), found.witness


def _holding(frame: Frame, condition: Condition | None) -> Term:
    if condition is None:
        return True
    truth = Encoder(frame).condition(condition)
    return disj([truth.true, truth.error])


def _line(document: JsonObject, model: StatementModel) -> JsonObject:
    """The row of the red line, or of one of its clauses, which has its own consents."""
    rows = document["red_lines"]
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        if model.red_line in (row["id"], row["name"]):
            return row
        limbs = row["limbs"]
        for limb in limbs if isinstance(limbs, list) and model.kind == "consents" else []:
            if isinstance(limb, dict) and limb["id"] == model.red_line:
                return limb
    raise StatementError(f"statement `{model.id}`: `{model.red_line}` is no red line of the bundle")


def _without_approval(
    questions: Questions, condition: Condition | None, role: str
) -> tuple[str, Witness | None]:
    """Whether such a use gets through though this role approved nothing and everybody else did."""
    board = questions.board
    term = board.solver.name(_holding(board.truth, condition))
    given = board.seen.approvals.terms
    withheld = [neg(given[role]), *(given[other] for other in given if other != role)]
    asked = (term, questions.only(0), *withheld)
    answer = board.solver.ask(board.permitted, board.known, *asked)
    if answer is not Answer.SATISFIABLE:
        answer = board.solver.ask(board.permitted, *asked)
    if answer is not Answer.SATISFIABLE:
        return ("proved" if answer is Answer.UNSATISFIABLE else "unknown"), None
    witness = board.replay(board.solver.model()).witness
    if witness is None:
        return "unknown", None
    roles = frozenset(given) - {role}
    decision = live_decision(board.bundle, witness.point, witness.said, witness.truth, roles)
    if not is_permitted(decision):
        # Only where a fact says that nobody knows it: that use is no counter-example, and no proof.
        return "unknown", None
    return "refuted", Witness(witness.point, witness.truth, witness.said, decision)
