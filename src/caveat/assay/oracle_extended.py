"""The clauses that the extended policy adds, read once more as plain sentences.

INVARIANT: as the oracle of the example policy, this module knows no bundle, no registry and no engine. What
stands in the words of a use is known here as a fact of it: nothing is searched for. Source: ADR-0036.
"""

from dataclasses import dataclass

from caveat.assay.oracle import Label, Truth, label

WORDS_CLAUSE, ANSWER_CLAUSE, ADDRESS_CLAUSE = "E1", "E3", "E4"


@dataclass(frozen=True, slots=True)
class Words:
    """What is true of the words of a use: whether they name what is not announced, or hold addresses."""

    unannounced: bool = False
    addresses: bool = False


def label_extended(truth: Truth, words: Words = Words()) -> Label:
    """The result for a use that wants its words read as they are, and its answer as it is.

    Of what is to be replaced the result is `deny`: the words are not to arrive as they were written.
    """
    denied = tuple(
        clause
        for clause, holds in (
            (WORDS_CLAUSE, words.unannounced),
            (ANSWER_CLAUSE, _writes_out_health(truth)),
            (ADDRESS_CLAUSE, words.addresses and truth.get("acquisition_channel") != "synthetic"),
        )
        if holds
    )
    before = label(truth)
    if not denied:
        return before
    return Label("deny", (*(before.clauses if before.result == "deny" else ()), *denied))


def _writes_out_health(truth: Truth) -> bool:
    categories = truth.get("data_category")
    return (
        truth.get("task") == "rewrite_rows"
        and isinstance(categories, list)
        and "personal_health" in categories
    )
