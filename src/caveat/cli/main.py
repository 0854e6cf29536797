"""The command `caveat`: a table of verbs in the groups of the documentation, each loaded when it is called.

Guarantees: exit code 0 where what was asked holds, 1 where it does not, 2 where it could not be run; an
error is one line and a hint on standard error, never a stack trace.
"""

import errno
import importlib
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import click

from caveat import __version__
from caveat.cli.exit import CannotRunError

COULD_NOT_RUN = 2


@dataclass(frozen=True, slots=True)
class Verb:
    """A command by its group, the module and attribute that hold it, and its line in the help."""

    group: str
    module: str
    attribute: str
    text: str


VERBS = {
    "init": Verb("Run", "caveat.cli.init", "init_command", "Write a small policy bundle to begin with."),
    "serve": Verb("Run", "caveat.cli.serve", "serve_command", "Stand between applications and a model."),
    "tour": Verb(
        "Run", "caveat.cli.tour", "tour_command", "Watch uses being refused, proved and let through."
    ),
    "bench": Verb("Run", "caveat.cli.bench", "bench_command", "Measure this machine against the budgets."),
    "coverage": Verb(
        "Run", "caveat.cli.coverage", "coverage_command", "Prove that every shape of traffic is decided."
    ),
    "observe": Verb("Run", "caveat.cli.observe", "observe_command", "Watch first, then enforce."),
    "check": Verb("Policy", "caveat.cli.check", "check_command", "Lint and validate a policy bundle."),
    "prove": Verb("Policy", "caveat.cli.prove", "prove_command", "Prove what a policy holds."),
    "decide": Verb("Policy", "caveat.cli.decide", "decide_command", "Decide one use from a file."),
    "diff": Verb("Policy", "caveat.cli.diff", "diff_command", "Show which uses an edit opens and closes."),
    "amend": Verb("Policy", "caveat.cli.amend", "amend_group", "Adopt a policy bundle by signing it."),
    "terms": Verb(
        "Policy", "caveat.cli.terms", "terms_group", "Read terms as a page; negotiate them on the record."
    ),
    "keys": Verb("Evidence", "caveat.cli.keys", "keys_command", "Make signing keys, and issue API keys."),
    "attest": Verb(
        "Evidence", "caveat.cli.attest_kinds", "attest_command", "Sign facts about data, powers and keys."
    ),
    "evidence": Verb(
        "Evidence", "caveat.cli.evidence", "evidence_command", "Look at evidence, and check it."
    ),
    "approvals": Verb(
        "Oversight", "caveat.cli.approvals_reviews", "approvals_command", "Review what waits for a person."
    ),
    "monitors": Verb("Oversight", "caveat.cli.monitors", "monitors_command", "See what many uses amount to."),
    "ledger": Verb("Ledger", "caveat.cli.ledger", "ledger_group", "Verify, replay and export the ledger."),
    "assay": Verb("Measure", "caveat.cli.assay", "assay_group", "Measure how much of a safeguard is real."),
    "explain": Verb(
        "any", "caveat.cli.explain", "explain_command", "Say what something means and what to do."
    ),
    "completion": Verb(
        "any", "caveat.cli.completion", "completion_command", "Print the shell's completion script."
    ),
}
_GROUPS = ("Run", "Policy", "Evidence", "Oversight", "Ledger", "Measure", "any")


class VerbGroup(click.Group):
    """Loads a verb's module only when the verb is called, so that `--help` costs no imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs that this installation has, in the order of the groups."""
        return [name for name, verb in VERBS.items() if find_spec(verb.module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or None for a name that is no verb."""
        if cmd_name not in self.list_commands(ctx):
            return None
        verb = VERBS[cmd_name]
        command: object = getattr(importlib.import_module(verb.module), verb.attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section for each group; no verb is imported for it."""
        present = self.list_commands(ctx)
        for group in _GROUPS:
            rows = [(name, VERBS[name].text) for name in present if VERBS[name].group == group]
            if rows:
                with formatter.section(group):
                    formatter.write_dl(rows)


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="caveat")
def caveat() -> None:
    """A use-control gateway: decides each use of an AI model on verified context.

    Exit codes: 0 it holds, 1 it does not hold, 2 it could not be run.
    """


def main(arguments: list[str] | None = None) -> None:
    """The entry point; always ends the process with a code of the three."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """The exit code of one command line."""
    try:
        result: Any = caveat.main(  # what click returns is what a verb did
            args=arguments, prog_name="caveat", standalone_mode=False
        )
    except CannotRunError as error:
        _complain(str(error), error.hint)
        return COULD_NOT_RUN
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        hint = f"`{error.ctx.command_path} --help` shows the options" if error.ctx is not None else ""
        _complain(_in_our_form(error.format_message()), hint)
        return COULD_NOT_RUN
    except click.ClickException as error:
        _complain(_in_our_form(error.format_message()), "")
        return error.exit_code if isinstance(error, click.FileError) else COULD_NOT_RUN
    except (click.Abort, KeyboardInterrupt):
        _complain("stopped", "")
        return COULD_NOT_RUN
    except BrokenPipeError:
        return 0
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename is not None else ""
        _complain(f"{where}{(error.strerror or type(error).__name__).lower()}", _next_step(error))
        return COULD_NOT_RUN
    return result if isinstance(result, int) else 0


def _in_our_form(message: str) -> str:
    """What the parser of options says, as every other error is said: one line, lower case, no full stop."""
    plain = " ".join(message.split()).rstrip(".")
    return plain[:1].lower() + plain[1:]


def _next_step(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "free some space on that disk and call it again; what was written in part is not used"
        case errno.ENOENT | errno.ENOTDIR:
            return "check the path"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "choose a place that this account may use, or change its permissions"
        case errno.ECONNREFUSED | errno.EHOSTUNREACH | errno.ETIMEDOUT:
            return "check address and port, and that the gateway runs"
        case _:
            return "the operating system refused it; the same command may be called again"


def _complain(message: str, hint: str) -> None:
    click.echo(f"caveat: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
