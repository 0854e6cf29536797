"""The figures of the evidence check have the shape that a benchmark report needs. No time is asserted."""

from caveat.evidence.measure import measure_evidence


def test_two_figures_are_reported_with_their_bars() -> None:
    figures = measure_evidence(envelopes=3, rounds=1)
    assert [(figure["name"], figure["unit"], figure["bar"], figure["n"]) for figure in figures] == [
        ("evidence_new_cpu_us", "us", 300.0, 3),
        ("evidence_known_cpu_us", "us", 20.0, 3),
    ]
    assert all(figure["holds"] in (True, False) for figure in figures)
