"""The parts of the reference that are written by the code they describe.

`.venv/bin/python -m tests.docs.generated` renews them; `test_generated.py` fails while one is stale.
"""

import re
import sys
from collections.abc import Iterator

import click
from prometheus_client import Counter, Gauge, Histogram
from training import card

from caveat.cli.main import caveat
from caveat.evidence.defects import EXPLANATIONS, DefectCode
from caveat.gateway.metrics import Metrics
from tests.docs import assurance
from tests.docs.pages import DOCS, ROOT, name_of

_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- end generated -->)", re.DOTALL)
_WIDTH = 100


def defects() -> str:
    """A row for each evidence defect, in the order of the check."""
    lines = ["| code | check | meaning | who can put it right | how |", "|---|---|---|---|---|"]
    for code in DefectCode:
        explained = EXPLANATIONS[code]
        check = explained.stage.value
        lines.append(
            f"| `{code.value}` | `{check}` | {explained.meaning} | {explained.who} | {explained.remedy} |"
        )
    return "\n".join(lines)


def metrics() -> str:
    """A row for each metric."""
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in vars(Metrics()).values():
        if isinstance(metric, (Counter, Gauge, Histogram)):
            name = metric._name + ("_total" if isinstance(metric, Counter) else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            lines.append(f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |")
    return "\n".join(lines)


def cli() -> str:
    """The help of every verb, as `--help` prints it on a line of 100 characters."""
    return "\n\n".join(f"## `{name}`\n\n```text\n{text}\n```" for name, text in _helps(caveat, "caveat"))


def _helps(
    command: click.Command, name: str, above: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        parent=above,
        info_name=name.rpartition(" ")[2],
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        **command.context_settings,
    )
    command._help_option = None  # click keeps the one of the first caller, whoever that was
    yield name, command.get_help(context).rstrip()
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            below = command.get_command(context, verb)
            if below is None:
                raise LookupError(f"`{name} {verb}` is listed and cannot be loaded")
            yield from _helps(below, f"{name} {verb}", context)


BLOCKS = {
    "evidence-defects": defects,
    "metrics": metrics,
    "cli": cli,
    "assurance": assurance.page,
    "protection": assurance.readme,
    "screens-models": card.render,
    "screens-choice": card.choice,
}
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))


def renewed(text: str) -> str:
    """The page with every generated block as the code has it now; raises `KeyError` for an unknown block."""

    def renew(found: re.Match[str]) -> str:
        return f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[4]}"

    return _BLOCK.sub(renew, text)


def main() -> int:
    """Renews every page that has a generated block."""
    for page in PAGES:
        old = page.read_text("utf-8")
        new = renewed(old)
        if new != old:
            page.write_text(new, "utf-8")
            sys.stdout.write(f"renewed {name_of(page)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
