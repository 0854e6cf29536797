"""The facts around which a use is drawn, for every clause that it is to meet. Pure.

The oracle has the last word on whether the clause speaks. Source: ADR-0032.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from caveat.assay.oracle import BULK_ABOVE, INDISCRIMINATE, ON_PEOPLE, PROTECTED, TRACKED, Result
from caveat.signing.canonical import Json

Facts = dict[str, Json]
_SENSITIVE = tuple(BULK_ABOVE)[:7]
_TRACKING_TASKS = ("association_mapping", "geofence_query", "individual_profile", "pattern_of_life")


def core_of(clause: str, right: Result, rng: random.Random) -> Facts:
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
        "attributes_joined": some(sorted(PROTECTED), rng.choice((1, 2)), rng),
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


def some(words: Sequence[str], count: int, rng: random.Random) -> list[Json]:
    return [*sorted(rng.sample(words, count))]
