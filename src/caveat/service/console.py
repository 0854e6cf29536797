"""The console where its libraries are installed: the one place that knows its templates."""

from collections.abc import Callable
from importlib.util import find_spec

from caveat.gateway.console.archive import Archive
from caveat.gateway.console.door import Console, Premises
from caveat.gateway.console.rooms import open_console
from caveat.gateway.identity.callers import Identities
from caveat.gateway.identity.sign_in import SignIn
from caveat.gateway.overseeing import Overseeing
from caveat.gateway.ports import Law
from caveat.gateway.power import Power
from caveat.gateway.reviewing import Reviewing
from caveat.ledger.ledger import Ledger
from caveat.oversight.chronicle import Chronicle
from caveat.signing.canonical import JsonObject


def console_of(
    overseeing: Overseeing,
    power: Power,
    reviewing: Reviewing,
    chronicle: Chronicle,
    identities: Identities,
    law_now: Callable[[], Law],
    ledger: Ledger,
    organisation: SignIn | None = None,
) -> Console | None:
    """The console; None where `caveat[console]` is not installed."""
    if find_spec("jinja2") is None or find_spec("fido2") is None:
        return None
    from caveat.oversight.console.pages import Pages

    def ledger_now() -> JsonObject:
        return {
            "origin": ledger.origin,
            "records": ledger.size,
            "published": ledger.published_size,
            "newest": ledger.newest_time,
            "fault": "" if ledger.fault is None else type(ledger.fault).__name__,
        }

    premises = Premises(
        Pages(),
        overseeing,
        power,
        reviewing,
        chronicle,
        Archive(chronicle, ledger),
        identities,
        law_now,
        ledger_now,
        organisation,
    )
    return open_console(premises)
