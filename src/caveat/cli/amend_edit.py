"""`caveat amend edit`: an edited copy of a bundle, to see what the edit opens before anybody signs it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click

from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.policy.bundle import BundleError, parse_bundle
from caveat.policy.clause_text import EditError, Files
from caveat.policy.edit import (
    Edited,
    delete_clause,
    keep_authorities,
    permit_rest,
    set_annotation,
    set_grade,
    set_limit,
)

_Step = Callable[[Files], Edited]


@click.command("edit")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder for the edited copy.")
@click.option(
    "--delete", "deleted", multiple=True, metavar="CLAUSE", help="Delete a clause with all its parts."
)
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help="Set a limit.")
@click.option(
    "--grade", "grades", multiple=True, metavar="FACT=GRADE", help="Set the grade from which a fact counts."
)
@click.option(
    "--amend", "amends", multiple=True, metavar="CLAUSE=FORMULA", help="Say who may change a clause."
)
@click.option(
    "--authority",
    "authorities",
    multiple=True,
    metavar="CLAUSE=WORD",
    help="Say on whose authority it stands.",
)
@click.option("--only-authority", metavar="WORD,…", help="Keep the clauses of these authorities alone.")
@click.option("--permit-rest", "rest", is_flag=True, help="Permit what no clause forbids, as law alone does.")
def edit_command(
    bundle: Path,
    *,
    out: Path,
    deleted: tuple[str, ...],
    limits: tuple[str, ...],
    grades: tuple[str, ...],
    amends: tuple[str, ...],
    authorities: tuple[str, ...],
    only_authority: str | None,
    rest: bool,
) -> int:
    """Write an edited copy of the policy bundle in the folder BUNDLE, unsigned, and say what was done.

    A clause is deleted with all its parts: a policy that serves two clauses falls with either. Exit codes:
    0 written, 2 it could not be edited.

    \b
    Examples:
      caveat amend edit policies/government-analytics --out a1 --delete R1.b
      caveat amend edit policies/government-analytics --out a4 --amend R2.a=department_head
      caveat amend edit policies/government-analytics --out law --only-authority statute --permit-rest
    """
    files: Files = {
        path: data for path, data in load_bundle(bundle).files.items() if not path.startswith("signatures/")
    }
    done: list[str] = []
    try:
        for step in _steps(deleted, limits, grades, amends, authorities, only_authority, rest=rest):
            edited = step(files)
            files = edited.files
            done += edited.done
        draft = parse_bundle(files)
    except EditError as error:
        raise CannotRunError(
            str(error), f"`caveat check {bundle}` lists clauses, facts and limits"
        ) from error
    except BundleError as error:
        raise CannotRunError(
            f"the edited bundle does not load: {error}", "edit what depends on it too"
        ) from error
    if not done:
        raise CannotRunError("no edit was asked for", "`caveat amend edit --help` shows the edits")
    _write(out, files)
    for sentence in done:
        click.echo(sentence)
    click.echo(f"wrote {out}: a draft, digest {draft.digest}")
    click.echo(f"`caveat diff {bundle} {out}` shows what it opens")
    return 0


def _steps(
    deleted: tuple[str, ...],
    limits: tuple[str, ...],
    grades: tuple[str, ...],
    amends: tuple[str, ...],
    authorities: tuple[str, ...],
    only: str | None,
    *,
    rest: bool,
) -> Iterator[_Step]:
    """The edits in the order in which they are made: deletions first, so that nothing set is lost."""
    if only is not None:
        kept = tuple(word.strip() for word in only.split(","))
        yield partial(keep_authorities, authorities=kept)
    for clause in deleted:
        yield partial(delete_clause, clause=clause)
    for name, text in map(_pair, limits):
        try:
            value = int(text)
        except ValueError as error:
            raise CannotRunError(f"`{text}` is no whole number", "a limit is set as NAME=VALUE") from error
        yield partial(set_limit, limit=name, value=value)
    for name, grade in map(_pair, grades):
        yield partial(set_grade, fact=name, grade=grade)
    for annotation, pairs in (("amend", amends), ("authority", authorities)):
        for clause, word in map(_pair, pairs):
            yield partial(set_annotation, clause=clause, name=annotation, word=word)
    if rest:
        yield permit_rest


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise CannotRunError(f"`{text}` names nothing to set", "write it as NAME=VALUE")
    return name, value


def _write(out: Path, files: Files) -> None:
    if out.exists() and any(out.iterdir()):
        raise CannotRunError(f"`{out}` is not empty", "name a new folder; nothing is overwritten")
    for path, data in files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
