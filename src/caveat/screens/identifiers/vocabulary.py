"""Words written in one string, and sets of such."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def by_word(table: dict[str, str]) -> dict[str, str]:
    """What each word stands for, from a table that has the words by what they stand for."""
    return {word: what for what, listed in table.items() for word in listed.split()}
