"""Two drafts compared by meaning, where the analysis is installed; else it is said that they were not."""

from dataclasses import dataclass

from caveat.cli.diff_words import headline, use_sentence
from caveat.cli.difference import difference_if_installed
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
    """What the analysis says of the two; without it, that only the structure was compared.

    Raises `CannotRunError` where the analysis gives no result.
    """
    if old.digest == new.digest:
        return Meaning(equivalent=True, text="the same digest")
    found = difference_if_installed(old, new)
    if found is None:
        return Meaning(
            equivalent=None,
            text="not compared, for the solver is not installed; the differences above are of structure",
        )
    opened, closed = len(found.opened.uses), len(found.closed.uses)
    lead = next(iter(headline(found)))
    if found.equivalent is False:
        more = "; ".join(use_sentence(use) for use in (*found.opened.uses[:1], *found.closed.uses[:1]))
        weaker = f"; weaker: {', '.join(found.touched)}" if found.touched else ""
        lead = f"{lead}: {opened} kinds of use opened, {closed} closed{weaker}" + (
            f". {more}" if more else ""
        )
    return Meaning(equivalent=found.equivalent, text=lead)
