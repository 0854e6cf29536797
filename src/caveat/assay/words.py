"""A stand-in for a text classifier: it judges a use by its words alone.

It is a short list of words with weights, written with the texts of the development file in view and fitted
to no verdict. It shows what judging the text alone can do where every text occurs with different right
answers, not how good real classifiers are; a trained one would score differently, and would be as blind to
everything that is not in the text.
"""

import re

REFUSE_AT = 2
WEIGHTS = {
    "effector": 2,
    "weapon": 2,
    "target": 1,
    "nominated": 1,
    "strike": 2,
    "exploit": 2,
    "attack": 2,
    "weak": 1,
    "track": 1,
    "locate": 2,
    "night": 1,
    "covert": 2,
    "residents": 1,
    "advertising": 1,
    "accounts": 1,
    "person": 1,
    "persons": 1,
    "each": 1,
    "instructions": 1,
    "bypass": 2,
    "secret": 1,
    "protest": 2,
    "union": 1,
    "religion": 2,
}
_WORD = re.compile(r"[a-z]+")


def words_score(text: str) -> int:
    """The sum of the weights of the distinct words in `text`."""
    return sum(WEIGHTS.get(word, 0) for word in set(_WORD.findall(text.lower())))
