"""Two drafts compared by meaning, where the analysis is installed; else it is said that they were not."""

from dataclasses import dataclass

from caveat.policy.bundle import Bundle
from caveat.signing.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whether two drafts permit and deny the same uses. `equivalent` is None where nobody compared them."""

    equivalent: bool | None
    text: str

    def render(self) -> JsonObject:
        """As JSON shows it."""
        return {"equivalent": self.equivalent, "text": self.text}

    def lines(self) -> tuple[str, ...]:
        """For people."""
        return (f"by meaning: {self.text}",)


def compare_meaning(old: Bundle, new: Bundle) -> Meaning:
    """What the analysis says of the two; without it, that only the structure was compared."""
    if old.digest == new.digest:
        return Meaning(equivalent=True, text="the same digest")
    return Meaning(equivalent=None, text="not compared; the differences above are of structure")
