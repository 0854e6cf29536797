"""The example policy read once more, as plain sentences: what is right for a use whose facts are all known.

INVARIANT: this module imports nothing of the project and knows no bundle, no registry and no engine. It was
written from the text of the policy alone, clause by clause, so that a mistake of the gateway is not a mistake
here. Facts are words, lists of words, integers, booleans; an optional fact that is absent is neutral where
the gateway itself observes it, and must be given otherwise wherever a clause reads it. Source: ADR-0032.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

Result = Literal["deny", "needs_approval", "allow"]
Truth = Mapping[str, object]

BULK_ABOVE = {
    "human_genomic": 100,
    "other_omic": 1_000,
    "biometric_identifiers": 1_000,
    "precise_geolocation": 1_000,
    "personal_health": 10_000,
    "personal_financial": 10_000,
    "covered_personal_identifiers": 100_000,
    "communications_content": 1_000,
    "communications_metadata": 1_000,
    "political_or_religious": 1_000,
    "vehicle_plates": 1_000,
    "public_posts": 1_000,
    "browsing_app_usage": 1_000,
    "imagery_of_persons": 1_000,
    "employment_records": 10_000,
}
"""Section 3: the categories of personal data, and above how many persons each is bulk."""

MONITORING = {
    "individual_profile",
    "pattern_of_life",
    "association_mapping",
    "face_match",
    "geofence_query",
    "locate_person",
}
TRACKING = (MONITORING - {"face_match"}) | {"entity_resolution"}
TRACKED = {"precise_geolocation", "communications_content", "communications_metadata", "vehicle_plates"}
INDISCRIMINATE = {"all_persons", "geofence", "category", "protected_activity", "unknown"}
PROTECTED = {
    "union_membership",
    "health_condition",
    "religion",
    "ethnicity",
    "political_view",
    "pregnancy",
    "disability",
}
ON_PEOPLE = {
    "hiring_screen",
    "credit_scoring",
    "benefits_eligibility",
    "claims_adjudication",
    "employee_scoring",
}
LIVE_WEAPONS = {"weapon_system", "tactical_c2"}
COURTS = {"warrant", "court_order"}


@dataclass(frozen=True, slots=True)
class Label:
    """The right result, and the clauses that say so; a permit is cited only where nothing limits."""

    result: Result
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Use:
    """A use in the words of section 2."""

    truth: Truth

    def __getitem__(self, fact: str) -> object:
        return self.truth.get(fact)

    def is_in(self, fact: str, words: set[str]) -> bool:
        return self.truth.get(fact) in words

    def words(self, fact: str) -> set[str]:
        return set(cast("list[str]", self.truth.get(fact) or []))

    def number(self, fact: str) -> int:
        return cast("int", self.truth.get(fact) or 0)

    @property
    def personal(self) -> set[str]:
        return self.words("data_category") & BULK_ABOVE.keys()

    @property
    def domestic(self) -> bool:
        where = self["subjects_jurisdiction"]
        return where in {"domestic", "mixed", "unknown"} or (where == "none" and bool(self.personal))

    @property
    def bulk(self) -> bool:
        reached = max(self.number("subject_count"), self.number("cumulative_subject_count_12m"))
        return bool(self.personal) and reached > min(BULK_ABOVE[one] for one in self.personal)

    @property
    def acquired(self) -> bool:
        return self.is_in("acquisition_channel", {"purchased", "bulk_purchased"})

    @property
    def specifically_consented(self) -> bool:
        return self["acquisition_channel"] == "consented" and self["consent_basis"] == "explicit_specific"

    @property
    def live_kinetic(self) -> bool:
        return self["action_effect"] == "kinetic" and self.is_in("deployment_type", LIVE_WEAPONS)

    @property
    def point_defence(self) -> bool:
        return (
            self.live_kinetic
            and self["task"] == "point_defense"
            and self["human_in_loop"] == "on_loop"
            and self["target_class"] == "materiel"
        )

    def decided_by_a_human(self, seconds: int) -> bool:
        return (
            self["human_in_loop"] == "in_loop_per_action"
            and self["approval_mode"] == "per_item"
            and self.number("review_seconds_median") >= seconds
        )

    @property
    def tracks(self) -> bool:
        """What P10 and P24 speak of."""
        return (
            self.is_in("task", TRACKING)
            and bool(self.words("data_category") & TRACKED)
            and self.domestic
            and not self.is_in("acquisition_channel", {"first_party", "synthetic", "intercepted"})
            and not self.specifically_consented
            and self["selection_criteria"] != "aggregate_only"
        )


def label(truth: Truth) -> Label:
    """The result of the strictest clause: deny, then needs_approval, then allow. Total over known facts."""
    use = _Use(truth)
    denied = tuple(name for name, holds in _DENY.items() if holds(use))
    if denied:
        return Label("deny", denied)
    asked = tuple(name for name, holds in _APPROVE.items() if holds(use))
    if asked:
        return Label("needs_approval", asked)
    permitted = tuple(name for name, holds in _PERMIT.items() if holds(use))
    return Label("allow", permitted) if permitted else Label("deny", ("P05",))


def _r1a(use: _Use) -> bool:
    return (
        use.is_in("task", MONITORING)
        and use.bulk
        and use.domestic
        and use.is_in("selection_criteria", INDISCRIMINATE)
        and not use.acquired
        and not use.specifically_consented
        and use["acquisition_channel"] != "synthetic"
    )


def _r1b(use: _Use) -> bool:
    return use.acquired and use.bulk and use.domestic and use["selection_criteria"] != "aggregate_only"


def _r1c(use: _Use) -> bool:
    """Only the total makes it bulk, and that is what denies it."""
    return (_r1a(use) or _r1b(use)) and not _Use({**use.truth, "cumulative_subject_count_12m": 0}).bulk


def _r2a(use: _Use) -> bool:
    return use.live_kinetic and not use.point_defence and use["human_in_loop"] != "in_loop_per_action"


def _r2b(use: _Use) -> bool:
    return (
        use.live_kinetic
        and not use.point_defence
        and use["human_in_loop"] == "in_loop_per_action"
        and not use.decided_by_a_human(30)
    )


def _p06(use: _Use) -> bool:
    return use["action_effect"] == "cyber_effect" and not (
        use["human_in_loop"] == "in_loop_per_action"
        and use.is_in("target_authorization", {"owner_authorized", "rules_of_engagement"})
    )


def _p07(use: _Use) -> bool:
    return (
        use.is_in("task", {"vulnerability_analysis", "exploit_development"})
        and use["action_effect"] != "cyber_effect"
        and use["target_authorization"] != "owner_authorized"
    )


def _covert(use: _Use) -> bool:
    return use.is_in("task", {"message_generation", "audience_targeting"}) and use["attribution"] == "covert"


def _intercepted(use: _Use) -> bool:
    return use["acquisition_channel"] == "intercepted" and bool(use.personal)


def _p11(use: _Use) -> bool:
    if not _intercepted(use):
        return False
    enough = COURTS if use["subjects_jurisdiction"] != "mixed" else COURTS | {"ag_approved_procedure"}
    if not use.domestic:
        enough = {"ag_approved_procedure"}
    return not use.is_in("legal_process", enough)


def _p12(use: _Use) -> bool:
    return (
        "precise_geolocation" in use.personal
        and use.domestic
        and use["sensitive_location"] is True
        and not use.is_in("legal_process", COURTS)
    )


def _p22b(use: _Use) -> bool:
    beyond_advice = not use.is_in("action_effect", {"none", "advisory"})
    return use["deployer_verified"] is False and (bool(use.personal) or beyond_advice)


def _p26(use: _Use) -> bool:
    """Of an output: persons who are made up are nobody."""
    return (
        use.number("sensitive_inference") >= 500
        and use["subjects_jurisdiction"] != "foreign"
        and use["acquisition_channel"] != "synthetic"
        and not use.specifically_consented
    )


_DENY: Mapping[str, Callable[[_Use], bool]] = {
    "R1.a": _r1a,
    "R1.b": _r1b,
    "R1.c": _r1c,
    "R2.a": _r2a,
    "R2.b": _r2b,
    "P04": lambda use: use["action_effect"] == "kinetic" and not use.is_in("deployment_type", LIVE_WEAPONS),
    "P06": _p06,
    "P07": _p07,
    "P08": lambda use: _covert(use) and use.domestic,
    "P09": lambda use: use["action_effect"] == "legal_effect" and not use.decided_by_a_human(10),
    "P10": lambda use: use.tracks and not use.is_in("legal_process", COURTS | {"emergency_exigent"}),
    "P11": _p11,
    "P12": _p12,
    "P14": lambda use: (
        use["selection_criteria"] == "protected_activity" and use.domestic and bool(use.personal)
    ),
    "P17": lambda use: (
        use.specifically_consented and bool(use.personal) and use["purpose_compatible"] is not True
    ),
    "P20": lambda use: use.is_in("task", ON_PEOPLE) and bool(use.words("attributes_joined") & PROTECTED),
    "P21": lambda use: use.bulk and use.domestic and use["onward_recipient"] == "country_of_concern",
    "P22": _p22b,
    "P26": _p26,
    "P27": lambda use: use.number("content_contradiction") >= 900,
}
_APPROVE: Mapping[str, Callable[[_Use], bool]] = {
    "P03": lambda use: use.point_defence,
    "P04": lambda use: use.live_kinetic and not use.point_defence,
    "P06": lambda use: use["action_effect"] == "cyber_effect",
    "P08": _covert,
    "P10": lambda use: use.tracks and use.is_in("legal_process", COURTS),
    "P11": lambda use: _intercepted(use) and use.domestic,
    "P13": lambda use: use.acquired and use.domestic and bool(use.personal),
    "P16": lambda use: (
        use["acquisition_channel"] == "first_party"
        and bool(use.personal)
        and use["purpose_compatible"] is not True
    ),
    "P17": lambda use: (
        use["acquisition_channel"] == "consented" and bool(use.personal) and not use.specifically_consented
    ),
    "P24": lambda use: use.tracks and use["legal_process"] == "emergency_exigent",
    "P27": lambda use: use.number("content_contradiction") >= 500,
}
_PERMIT: Mapping[str, Callable[[_Use], bool]] = {
    "P05": lambda use: use["deployer_verified"] is True,
    "P15": lambda use: use["acquisition_channel"] == "first_party" and use["purpose_compatible"] is True,
    "P17": lambda use: use.specifically_consented and use["purpose_compatible"] is True,
    "P18": lambda use: use["acquisition_channel"] == "synthetic",
    "P19": lambda use: not use.personal or (use["acquisition_channel"] == "public" and not use.bulk),
}
SCORED = frozenset({"P26", "P27"})
"""What rests on a screen's score, which is of content and which no use's description holds."""
CLAUSES = tuple(dict.fromkeys((*_DENY, *_APPROVE, *_PERMIT)))
"""Every clause with a condition on facts. P22 (a), P23 and P25 are about evidence and records, not truth."""
