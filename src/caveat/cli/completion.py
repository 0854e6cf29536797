"""`caveat completion`: the script by which a shell completes verbs and options, as click writes it."""

import click
from click.shell_completion import get_completion_class

from caveat.cli.exit import CannotRunError
from caveat.cli.main import caveat

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CAVEAT_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def completion_command(shell: str) -> int:
    """Print the completion script for SHELL.

    \b
    Examples:
      eval "$(caveat completion bash)"                                     # in ~/.bashrc
      eval "$(caveat completion zsh)"                                      # in ~/.zshrc
      caveat completion fish > ~/.config/fish/completions/caveat.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise CannotRunError(f"there is no completion for {shell}", f"choose {', '.join(_SHELLS)}")
    click.echo(found(caveat, {}, "caveat", _VARIABLE).source())
    return 0
