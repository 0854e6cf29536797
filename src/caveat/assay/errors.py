"""What can keep an assay from being run. None of them is a verdict.

AssayError
├── ScenarioError   a scenario file is not one
├── WorldError      a bundle cannot be made into a development world
└── RunError        the gateway or the upstream did not answer as a verdict or an answer
"""

import csv
import json


class AssayError(Exception):
    """The assay could not be run. `findings`: one line each; `hint`: what to do next, may be empty."""

    def __init__(self, findings: tuple[str, ...], hint: str = "") -> None:
        """`findings`: at least one line, without a full stop."""
        super().__init__("; ".join(findings))
        self.findings = findings
        self.hint = hint


class ScenarioError(AssayError):
    """The file is no scenario file; each finding names the line and the field."""


class WorldError(AssayError):
    """The files of a bundle lack what a development world needs."""


class RunError(AssayError):
    """Something answered neither as a verdict nor as an answer, or did not answer."""


def why(error: Exception) -> str:
    """Why a file could not be read or written, in words: neither the name of a class nor anything it held."""
    match error:
        case OSError():
            return (error.strerror or "the system refused it").lower()
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case json.JSONDecodeError():
            return "it is not JSON"
        case csv.Error():
            return "it is no table"
        case KeyError():
            return "a column or member is missing"
        case _:
            return "it is not of the form that is expected"
