"""The gateway's clock: never behind the newest signed record, so that nothing expired comes back to life.

Source: attack 36 in `THREAT_MODEL.md`, ADR-0021.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from caveat.gateway.errors import FaultError

TOLERANCE_SECONDS = 60


class GuardedClock:
    """Times that never go back. A machine's clock too far behind stops the gateway until it is put right."""

    def __init__(self, clock: Callable[[], datetime], tolerance_seconds: float = TOLERANCE_SECONDS) -> None:
        """`clock`: the machine's. `tolerance_seconds`: how far it may step back; time then stands still."""
        self._clock = clock
        self._tolerance = timedelta(seconds=tolerance_seconds)
        self._floor = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        """The moment, never before one that was given; raises `FaultError` for a clock too far behind."""
        now = self._clock()
        if now >= self._floor:
            self._floor = now
            return now
        if self._floor - now > self._tolerance:
            raise FaultError(
                503,
                "clock_behind",
                "the gateway's clock is behind its own signed records, so nothing can be checked for age",
                "the operator puts the machine's clock right; /readyz says when it is",
            )
        return self._floor

    def not_before(self, moment: datetime) -> None:
        """Takes in a time that somebody signed: of a record, a checkpoint, or a witness's cosignature."""
        self._floor = max(self._floor, moment)

    @property
    def behind_seconds(self) -> float:
        """How far the machine's clock is behind what was signed; 0 where it is not."""
        return max((self._floor - self._clock()).total_seconds(), 0.0)

    @property
    def is_behind(self) -> bool:
        """Whether it is too far behind to be used."""
        return self._floor - self._clock() > self._tolerance
