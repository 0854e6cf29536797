"""What the screens find in answers, whole or under way, by the lists of the law in force."""

from caveat.call.call import Point
from caveat.gateway.errors import UpstreamError
from caveat.gateway.ports import Law
from caveat.gateway.screening import Scores, Screening
from caveat.gateway.wire.texts import whole_texts
from caveat.gateway.wire.tool_calls import AmbiguousError, read_alike


class Said:
    """What the screens have found so far in an answer that is still under way."""

    def __init__(self, law: Law) -> None:
        """`law`: the one in force when the answer begins, by whose lists it is read to its end."""
        self._lists = (law.bundle.phrases, law.bundle.screens)
        self.screening = reading_of(law)
        self._scores: Scores | None = None if self.screening is None else self.screening.nothing_found()

    def found(self, scores: Scores) -> None:
        """Takes these as the scores from now on."""
        self._scores = scores

    def scores(self, law: Law) -> Scores | None:
        """The scores under `law`; None under one with other lists, by which nothing was read."""
        return self._scores if (law.bundle.phrases, law.bundle.screens) == self._lists else None


def reading_of(law: Law) -> Screening | None:
    """The screening of answers; None where no clause reads what it would find."""
    screening = law.screening
    return None if screening is None or Point.OUTPUT not in screening.points else screening


async def scores_of_answer(law: Law, body: bytes) -> Scores | None:
    """The scores of a whole answer; None where no clause reads them.

    Raises `UpstreamError` for one that two clients could read differently.
    """
    screening = reading_of(law)
    if screening is None:
        return None
    try:
        value = read_alike(body)
    except AmbiguousError as error:
        raise UpstreamError(
            502, "upstream_invalid", "the model's endpoint gave an answer that can be read in two ways"
        ) from error
    except ValueError:
        value = body.decode(errors="replace")  # as plain text
    return await screening.of_texts(text.text for text in whole_texts(value))
