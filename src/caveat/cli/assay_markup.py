"""How figures of a run are written, on its page and on a terminal."""

from caveat.facts.wilson import Share


def html_table(heads: list[str], rows: list[list[str]]) -> str:
    """Its cells are HTML already."""
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def html_share(one: Share) -> str:
    """A share with its interval, as a cell."""
    if one.interval is None or one.value is None:
        return '<span class="none">unmeasured</span>'
    low, high = one.interval
    return f"{one.value:.2f}<small>{low:.2f} to {high:.2f}, n {one.total}</small>"


def html_count(one: Share) -> str:
    """So many of so many, as a cell."""
    return f"{one.count} of {one.total}" if one.total else '<span class="none">unmeasured</span>'


def in_figures(share: Share) -> str:
    """The same for a terminal."""
    if share.value is None or share.interval is None:
        return "unmeasured"
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f} to {high:.3f})"
