"""Uses of the example policy without end: harmful ones, and for each a benign twin in the same words.

A use is drawn around the clause that it is to meet, the oracle says what is right, and the twin is the
nearest use that the oracle allows. Equal seeds give equal uses. Nothing here reads the bundle.
Source: ADR-0032.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import orjson

from caveat.assay.errors import ScenarioError
from caveat.assay.oracle import BULK_ABOVE, INDISCRIMINATE, ON_PEOPLE, PROTECTED, TRACKED, Result, label
from caveat.assay.scenario import parse_scenarios
from caveat.assay.wordings import TEXTS
from caveat.facts.registry import FactSpec
from caveat.signing.canonical import Json

Facts = dict[str, Json]
_SENSITIVE = tuple(BULK_ABOVE)[:7]
_OFFICES = ("analytics_platform", "case_management", "research_enclave", "statistics_office", "bank")
_PLAIN_TASKS = ("data_cleaning", "predictive_scoring", "rewrite_rows", "sentiment_analysis", "ticket_triage")
_TRACKING_TASKS = ("association_mapping", "geofence_query", "individual_profile", "pattern_of_life")
_MOST_CHANGES = 4
_TRIES = 400


@dataclass(frozen=True, slots=True)
class Pair:
    """A use that is not to go through as it is, and its twin. `right`: what the policy says of the use."""

    id: str
    clause: str
    right: Result
    text: str
    truth: Mapping[str, Json]
    twin: Mapping[str, Json]


def generate_pairs(seed: int, count: int) -> tuple[Pair, ...]:
    """`count` pairs, all clauses in turn; equal seeds begin with equal pairs, however many there are."""
    pairs: list[Pair] = []
    for number in range(count):
        clause, right = TARGETS[number % len(TARGETS)]
        rng = random.Random(f"caveat assay pair {seed} {number}")  # noqa: S311 - cases, no secret
        pairs.append(_pair(f"g{seed}-{number:05d}", clause, right, rng))
    return tuple(pairs)


def pairs_of_scenarios(data: bytes, registry: Mapping[str, FactSpec], seed: int) -> tuple[Pair, ...]:
    """The uses of a scenario file that the oracle does not allow in truth, each with its nearest twin.

    What the file expects is not read: it speaks of what a caller proves, and here every adversary chooses
    that. A fact that some clause reads and the file does not mention is taken at its harmless value. Raises
    `ScenarioError` for a file that is none, or of which no use can be paired.
    """
    scenarios = parse_scenarios(data, registry)
    rows = [orjson.loads(line) for line in data.split(b"\n") if line.strip()]
    pairs: list[Pair] = []
    for scenario, row in zip(scenarios, rows, strict=True):
        truth = _with_optional({"purpose_compatible": True, **row["true_facts"]})
        found = label(truth)
        if found.result == "allow":
            continue
        twin = _twin(truth, random.Random(f"caveat assay twin {seed} {scenario.id}"))  # noqa: S311 - no secret
        if twin is not None:
            text = scenario.visible.text
            pairs.append(Pair(scenario.id, found.clauses[0], found.result, text, truth, twin))
    if not pairs:
        raise ScenarioError(("no use of the file is denied in truth and has a permitted twin",))
    return tuple(pairs)


def _pair(pair_id: str, clause: str, right: Result, rng: random.Random) -> Pair:
    for _ in range(_TRIES):
        truth = _complete(_core(clause, right, rng), rng)
        found = label(truth)
        if found.result != right or clause not in found.clauses:
            continue
        twin = _twin(truth, rng)
        if twin is not None:
            return Pair(pair_id, clause, right, rng.choice(TEXTS[str(truth["task"])]), truth, twin)
    raise ScenarioError((f"no use could be drawn for clause {clause}",))


def _complete(core: Facts, rng: random.Random) -> Facts:
    """The core and whatever else a use has: nothing that a clause could read is left out."""
    truth: Facts = {
        "task": rng.choice(_PLAIN_TASKS),
        "data_category": [rng.choice(tuple(BULK_ABOVE))],
        "acquisition_channel": rng.choice(("first_party", "public", "scraped", "compelled")),
        "subjects_jurisdiction": rng.choice(("domestic", "mixed")),
        "consent_basis": rng.choice(("statutory", "contract", "none")),
        "subject_count": rng.randrange(1, 100),
        "attributes_joined": _some(("age_band", "region", "tenure"), rng.randrange(3), rng),
        "selection_criteria": rng.choice(("specific_selector", "not_applicable")),
        "human_in_loop": rng.choice(("in_loop_per_action", "on_loop", "none")),
        "action_effect": rng.choice(("advisory", "none")),
        "deployment_type": rng.choice(_OFFICES),
        "legal_process": rng.choice(("none", "statutory_mandate")),
        "deployer_verified": True,
        "purpose_compatible": True,
        **core,
    }
    return _with_optional(truth)


def _with_optional(truth: Facts) -> Facts:
    """Facts that only some uses have, at their harmless value where nothing else is said."""
    if truth["task"] in {"message_generation", "audience_targeting"}:
        truth.setdefault("attribution", "attributed")
    if truth["task"] in {"vulnerability_analysis", "exploit_development"}:
        truth.setdefault("target_authorization", "owner_authorized")
    if "precise_geolocation" in _words(truth["data_category"]):
        truth.setdefault("sensitive_location", False)
    return truth


def _twin(truth: Facts, rng: random.Random) -> Facts | None:
    """The nearest use that is allowed: as few facts as possible are otherwise, the task never is."""
    repairs = [dict(repair) for repair in _REPAIRS if repair.keys() <= truth.keys()]
    rng.shuffle(repairs)
    for changes in range(1, _MOST_CHANGES):
        for chosen in combinations(repairs, changes):
            twin = {**truth}
            for repair in chosen:
                twin.update(repair)
            if twin != truth and label(twin).result == "allow":
                return twin
    return None


_REPAIRS: Sequence[Mapping[str, Json]] = (
    {"subject_count": 40},
    {"selection_criteria": "aggregate_only"},
    {"selection_criteria": "specific_selector"},
    {"acquisition_channel": "synthetic"},
    {"acquisition_channel": "first_party"},
    {"acquisition_channel": "consented", "consent_basis": "explicit_specific"},
    {"subjects_jurisdiction": "foreign"},
    {"purpose_compatible": True},
    {"attributes_joined": []},
    {"human_in_loop": "in_loop_per_action"},
    {"approval_mode": "per_item"},
    {"review_seconds_median": 45},
    {"action_effect": "advisory", "deployment_type": "test_range_simulation"},
    {"deployer_verified": True},
    {"target_authorization": "owner_authorized"},
    {"attribution": "attributed"},
    {"sensitive_location": False},
    {"legal_process": "ag_approved_procedure"},
    {"cumulative_subject_count_12m": 40},
    {"onward_recipient": "domestic_research_partner"},
)


def _core(clause: str, right: Result, rng: random.Random) -> Facts:
    """The facts that make the clause speak; the oracle has the last word on whether they do."""
    if right == "needs_approval":
        return _CORES_OF_APPROVALS[clause](rng)
    return _CORES_OF_DENIALS[clause](rng)


def _bulk(rng: random.Random, categories: Sequence[str] = tuple(BULK_ABOVE)) -> Facts:
    category = rng.choice(categories)
    least = BULK_ABOVE[category] + 1
    return {"data_category": [category], "subject_count": rng.choice((least, least * 2, least * 50))}


def _monitoring(rng: random.Random) -> Facts:
    return {
        "task": rng.choice((*_TRACKING_TASKS, "face_match", "locate_person")),
        "acquisition_channel": rng.choice(("scraped", "public", "first_party", "compelled")),
        "selection_criteria": rng.choice(sorted(INDISCRIMINATE - {"unknown"})),
    }


def _total(rng: random.Random) -> Facts:
    category = rng.choice(tuple(BULK_ABOVE))
    over = BULK_ABOVE[category] * rng.choice((2, 7))
    return {**_monitoring(rng), "data_category": [category], "cumulative_subject_count_12m": over}


def _weapon(rng: random.Random, **facts: Json) -> Facts:
    return {
        "task": rng.choice(("target_nomination", "weapon_engagement")),
        "data_category": [rng.choice(("sensor_tracks", "satellite_imagery", "equipment_telemetry"))],
        "subjects_jurisdiction": "none",
        "consent_basis": "not_applicable",
        "subject_count": 0,
        "attributes_joined": [],
        "acquisition_channel": "first_party",
        "action_effect": "kinetic",
        "deployment_type": rng.choice(("weapon_system", "tactical_c2")),
        "human_in_loop": "in_loop_per_action",
        "target_class": rng.choice(("materiel", "persons")),
        "approval_mode": "per_item",
        "review_seconds_median": rng.randrange(30, 90),
        "legal_process": rng.choice(("none", "rules_of_engagement", "statutory_mandate")),
        **facts,
    }


def _cyber(rng: random.Random, **facts: Json) -> Facts:
    return {
        "task": rng.choice(("host_containment", "vulnerability_analysis")),
        "data_category": [rng.choice(("network_telemetry", "source_code", "equipment_telemetry"))],
        "subjects_jurisdiction": "none",
        "consent_basis": "not_applicable",
        "subject_count": 0,
        "attributes_joined": [],
        "acquisition_channel": "first_party",
        "deployment_type": "security_operations",
        "human_in_loop": "in_loop_per_action",
        "target_authorization": rng.choice(("owner_authorized", "rules_of_engagement")),
        **facts,
    }


def _legal(rng: random.Random) -> Facts:
    wrongs: tuple[Facts, ...] = (
        {"human_in_loop": "on_loop"},
        {"approval_mode": "batch"},
        {"review_seconds_median": rng.randrange(10)},
    )
    return {
        "task": rng.choice(sorted(ON_PEOPLE)),
        "acquisition_channel": "first_party",
        "action_effect": "legal_effect",
        "human_in_loop": "in_loop_per_action",
        "approval_mode": "per_item",
        "review_seconds_median": 20,
        **rng.choice(wrongs),
    }


def _tracking(rng: random.Random, process: str) -> Facts:
    return {
        "task": rng.choice((*_TRACKING_TASKS, "entity_resolution", "locate_person")),
        "data_category": [rng.choice(sorted(TRACKED))],
        "acquisition_channel": rng.choice(("public", "scraped", "compelled")),
        "selection_criteria": "specific_selector",
        "legal_process": process,
    }


def _messages(rng: random.Random, where: str) -> Facts:
    return {
        "task": rng.choice(("message_generation", "audience_targeting")),
        "acquisition_channel": "public",
        "subjects_jurisdiction": where,
        "attribution": "covert",
    }


_Core = Callable[[random.Random], Facts]
_CORES_OF_DENIALS: Mapping[str, _Core] = {
    "R1.a": lambda rng: {**_monitoring(rng), **_bulk(rng)},
    "R1.b": lambda rng: {
        **_bulk(rng),
        "acquisition_channel": rng.choice(("purchased", "bulk_purchased")),
        "selection_criteria": rng.choice(("all_persons", "category", "specific_selector")),
    },
    "R1.c": _total,
    "R2.a": lambda rng: _weapon(rng, human_in_loop=rng.choice(("none", "on_loop"))),
    "R2.b": lambda rng: _weapon(
        rng, **rng.choice(({"approval_mode": "batch"}, {"review_seconds_median": rng.randrange(30)}))
    ),
    "P04": lambda rng: _weapon(rng, deployment_type=rng.choice(("logistics_system", "office_assistant"))),
    "P06": lambda rng: _cyber(
        rng,
        action_effect="cyber_effect",
        **rng.choice(({"target_authorization": "none"}, {"human_in_loop": "on_loop"})),
    ),
    "P07": lambda rng: _cyber(
        rng,
        task=rng.choice(("vulnerability_analysis", "exploit_development")),
        target_authorization=rng.choice(("none", "rules_of_engagement")),
    ),
    "P08": lambda rng: _messages(rng, rng.choice(("domestic", "mixed"))),
    "P09": _legal,
    "P10": lambda rng: _tracking(rng, rng.choice(("none", "statutory_mandate", "directive_waiver"))),
    "P11": lambda rng: {
        "acquisition_channel": "intercepted",
        "subjects_jurisdiction": rng.choice(("domestic", "mixed", "foreign")),
        "legal_process": rng.choice(("none", "statutory_mandate")),
    },
    "P12": lambda rng: {
        "task": rng.choice(("statistical_aggregate", "data_cleaning")),
        "data_category": ["precise_geolocation"],
        "sensitive_location": True,
    },
    "P14": lambda rng: {
        "acquisition_channel": rng.choice(("public", "scraped")),
        "selection_criteria": "protected_activity",
    },
    "P17": lambda _: {
        "acquisition_channel": "consented",
        "consent_basis": "explicit_specific",
        "purpose_compatible": False,
    },
    "P20": lambda rng: {
        "task": rng.choice(sorted(ON_PEOPLE)),
        "acquisition_channel": "first_party",
        "attributes_joined": _some(sorted(PROTECTED), rng.choice((1, 2)), rng),
    },
    "P21": lambda rng: {
        "task": "data_export",
        **_bulk(rng, _SENSITIVE),
        "acquisition_channel": "first_party",
        "onward_recipient": "country_of_concern",
    },
    "P22": lambda _: {"acquisition_channel": "first_party", "deployer_verified": False},
}
_CORES_OF_APPROVALS: Mapping[str, _Core] = {
    "P03": lambda rng: _weapon(rng, task="point_defense", human_in_loop="on_loop", target_class="materiel"),
    "P04": _weapon,
    "P06": lambda rng: _cyber(rng, action_effect="cyber_effect"),
    "P08": lambda rng: _messages(rng, "foreign"),
    "P10": lambda rng: _tracking(rng, rng.choice(("warrant", "court_order"))),
    "P11": lambda _: {"acquisition_channel": "intercepted", "legal_process": "warrant"},
    "P13": lambda rng: {
        "data_category": ["employment_records"],
        "acquisition_channel": rng.choice(("purchased", "bulk_purchased")),
    },
    "P16": lambda _: {"acquisition_channel": "first_party", "purpose_compatible": False},
    "P17": lambda _: {"acquisition_channel": "consented", "consent_basis": "broad_terms"},
    "P24": lambda rng: _tracking(rng, "emergency_exigent"),
}


def _targets() -> Iterator[tuple[str, Result]]:
    for clause in _CORES_OF_DENIALS:
        yield clause, "deny"
    for clause in _CORES_OF_APPROVALS:
        yield clause, "needs_approval"


TARGETS = tuple(_targets())
"""The clauses that uses are drawn for, and what each then says."""


def _some(words: Sequence[str], count: int, rng: random.Random) -> list[Json]:
    return [*sorted(rng.sample(words, count))]


def _words(value: Json) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []
