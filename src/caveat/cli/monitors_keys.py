"""`caveat monitors key, rotate, renew, agent`: the chain of keys, for the second party who holds it."""

import os
import pwd
import signal
import threading
from pathlib import Path

import click

from caveat.cli.exit import CannotRunError, because
from caveat.cli.monitors_store import DATA, HINT, KEY, keys_of, read_chain, store_of
from caveat.monitors.keys import ChainKeys, KeysUnavailableError
from caveat.service.key_agent import DEFAULT_IDS_PER_HOUR, KeyAgent
from caveat.service.subject_keys import AGENT, new_key, write_chain
from caveat.store.errors import ContributionStoreError

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("key")
@click.option("--out", type=_FILE, required=True, help="The file to make; it is never overwritten.")
def key_command(out: Path) -> int:
    """Make a chain with one new key. The second party does, on a machine of its own.

    \b
    Examples:
      caveat monitors key --out /run/keyholder/subjects.chain
    """
    _write_chain(out, (new_key(),))
    click.echo(f"wrote {out}: whoever has this file and the gateway's disk can test who was counted")
    return 0


@click.command("rotate")
@DATA
@click.option("--subject-key", metavar="FILE|unix:SOCKET", required=True, help="The chain as it is.")
@click.option("--out", type=_FILE, help="The chain with one key more; never overwritten. Not for an agent.")
def rotate_command(data: Path, subject_key: str, out: Path | None) -> int:
    """Put every id that is kept under one new key more, while the gateway does not run.

    The counts stay. Afterwards the gateway is started with the new chain; the old one reads nothing more.
    With an agent, start that with a longer chain first, and leave --out away.

    \b
    Examples:
      caveat monitors rotate --data var/caveat --subject-key old.chain --out new.chain
      caveat monitors rotate --data var/caveat --subject-key unix:/run/keyholder/agent.sock
    """
    if (out is None) != subject_key.startswith(AGENT):
        raise CannotRunError(
            "--out goes with a chain in a file, and not with an agent",
            "an agent is started with a longer chain, made by `caveat monitors lengthen`",
        )
    store = store_of(data, read_only=False)
    try:
        keys = keys_of(subject_key, data)
        if out is not None:
            chain = (*read_chain(Path(subject_key), data), new_key())
            keys = ChainKeys(chain)
            store.check_chain(keys, note=False)
            _write_chain(out, chain)
        changed = store.rewrap(keys)
    except (ContributionStoreError, KeysUnavailableError) as error:
        raise CannotRunError(str(error), "go on with the old chain; nothing was changed") from error
    finally:
        store.close()
    click.echo(f"{changed:,} contributions are under {keys.number} keys; the gateway needs the new chain")
    return 0


@click.command("lengthen")
@click.option("--subject-key", type=_FILE, required=True, help="The chain as it is.")
@click.option("--out", type=_FILE, required=True, help="The chain with one key more; never overwritten.")
def lengthen_command(subject_key: Path, out: Path) -> int:
    """Make a chain longer by one new key, for an agent. The second party does, away from the gateway.

    \b
    Examples:
      caveat monitors lengthen --subject-key old.chain --out new.chain
    """
    chain = (*read_chain(subject_key, None), new_key())
    _write_chain(out, chain)
    click.echo(f"wrote {out} with {len(chain)} keys; start the agent with it, then `caveat monitors rotate`")
    return 0


@click.command("renew")
@DATA
@KEY
def renew_command(data: Path, subject_key: str | None) -> int:
    """Go on under another chain where the old one is lost, or without any, while the gateway does not run.

    What was told apart under the old chain counts by its data from then on: more, and never fewer.

    \b
    Examples:
      caveat monitors renew --data var/caveat --subject-key new.chain
      caveat monitors renew --data var/caveat
    """
    store = store_of(data, read_only=False)
    try:
        store.renew_chain(None if subject_key is None else keys_of(subject_key, data))
    except (ContributionStoreError, KeysUnavailableError) as error:
        raise CannotRunError(str(error), "nothing was changed") from error
    finally:
        store.close()
    click.echo("what was told apart until now counts by its data")
    return 0


@click.command("agent")
@click.option("--subject-key", type=_FILE, required=True, help="The chain, which stays in this process.")
@click.option("--socket", "path", type=click.Path(path_type=Path), required=True, help="Where to answer.")
@click.option("--account", help="The gateway's account, by name or number; it alone may ask.  [default: own]")
@click.option(
    "--ids-per-hour",
    type=click.IntRange(1),
    default=DEFAULT_IDS_PER_HOUR,
    show_default=True,
    help="Wrap so many ids within an hour at most.",
)
def agent_command(subject_key: Path, path: Path, account: str | None, ids_per_hour: int) -> int:
    """Hold the chain, and wrap ids for a gateway on this machine, which so never has a key.

    Run it under an account of the second party's. It sees ids that the gateway has made under a key of its
    own, and no identifier.

    \b
    Examples:
      caveat monitors agent --subject-key subjects.chain --socket /run/keyholder/agent.sock --account caveat
    """
    keys, uid = read_chain(subject_key, None), _uid(account)
    try:
        agent = KeyAgent(path, keys, uid, ids_per_hour)
    except OSError as error:
        raise CannotRunError(
            f"`{path}` cannot be answered at: {error.strerror or error}", "choose another --socket"
        ) from error
    for number in (signal.SIGINT, signal.SIGTERM):
        if threading.current_thread() is threading.main_thread():
            signal.signal(number, lambda _number, _frame: threading.Thread(target=agent.shutdown).start())
    click.echo(f"caveat answers account {uid} at {path} under {len(keys)} keys", err=True)
    with agent:
        agent.serve_forever(poll_interval=0.1)
    path.unlink(missing_ok=True)
    return 0


def _uid(account: str | None) -> int:
    if account is None:
        return os.getuid()
    try:
        return int(account) if account.isdecimal() else pwd.getpwnam(account).pw_uid
    except KeyError as error:
        raise CannotRunError(f"this machine has no account `{account[:40]}`", "name the gateway's") from error


def _write_chain(out: Path, keys: tuple[bytes, ...]) -> None:
    try:
        write_chain(out, keys)
    except FileExistsError as error:
        raise CannotRunError(f"`{out}` exists already", "choose another file") from error
    except OSError as error:
        raise CannotRunError(f"`{out}` cannot be written: {because(error)}", HINT) from error
