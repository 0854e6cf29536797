"""One decision of a person as the log has it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from caveat.oversight.review import Act


@dataclass(frozen=True, slots=True)
class PastReview:
    """One decision of a person, whether it counted or not. `defect` is empty where it did."""

    hold: str
    deployment: str
    person: str
    role: str
    act: Act
    at: datetime
    shown_at: datetime | None
    defect: str

    @property
    def seconds(self) -> float | None:
        """From first display to decision; None where it was never shown."""
        return None if self.shown_at is None else (self.at - self.shown_at).total_seconds()
