"""One gateway out of a bundle, a data folder and an upstream: all of it opened, or none.

The data folder holds `ledger/` (the log), `log.pem` (the key that signs it, outside the log on purpose),
`audit.key` (names actions in records so that guesses cannot be tested), `evidence.sqlite3`,
`transcripts.sqlite3` (what passed, by keyed digests), and `api_keys.sqlite3` once an API key is issued. Keys
are made at the first start, readable by their owner alone, and never replaced.
"""

import os
from contextlib import ExitStack

from caveat.evidence.check import EvidenceChecker
from caveat.evidence.envelope import VerifiedCache
from caveat.evidence.trust import parse_trust
from caveat.gateway.clock import GuardedClock
from caveat.gateway.gate import Gate
from caveat.gateway.guards import Guards, GuardsError, registered_guards
from caveat.gateway.holding import Holding
from caveat.gateway.law import LawError, LawInForce, law_of, read_bundle
from caveat.gateway.metrics import Metrics
from caveat.gateway.ports import MakeWitnesses
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.succession import Succession
from caveat.gateway.trust_succession import TrustSeen
from caveat.gateway.witnesses import BundleWitnesses
from caveat.ledger.disk import RealDisk
from caveat.ledger.ledger import Ledger
from caveat.ledger.rotate import key_in_force
from caveat.monitors.keys import KeysUnavailableError
from caveat.monitors.logged import Logged
from caveat.monitors.once import Once
from caveat.oversight.book import Book
from caveat.oversight.chronicle import Chronicle
from caveat.policy.bundle import Bundle
from caveat.service.announcing import Announcing, Before
from caveat.service.config import ServiceConfig
from caveat.service.contribution_files import ContributionFiles
from caveat.service.evidence_files import EvidenceFiles
from caveat.service.history import History
from caveat.service.hold_files import HoldFiles
from caveat.service.log_keys import DataFolderError, log_keys
from caveat.service.manifest_index import ManifestIndex
from caveat.service.service import Service
from caveat.service.stores import Stores, open_outbox, open_stores, open_transcripts
from caveat.service.subject_keys import SubjectKeyError
from caveat.service.watch import read_known
from caveat.signing.keys import PrivateKey
from caveat.store.errors import ChainDiffersError, ContributionStoreError
from caveat.store.revocations import RevocationFiles


def open_service(config: ServiceConfig) -> Service:
    """A gateway over `config`.

    Raises `LawError` for a bundle that may not be served, `DataFolderError` for the data folder,
    `SubjectKeyError` for another chain of keys than its own, and the ledger's own errors for a log that may
    not be written on. Then nothing of it stays open.
    """
    audit_key, log_key = log_keys(config.data)
    with ExitStack() as opening:
        stores = open_stores(config.data)
        opening.callback(stores.close)
        apart = _apart(config, stores)
        history = _history(config, apart)
        make_witnesses = _witnesses(config, stores, history, apart)
        bundle = read_bundle(config.read_files(), beyond_loopback=config.beyond_loopback)
        guards = _guards()
        first = law_of(bundle, make_witnesses, guards)
        ledger = _ledger(config, log_key)
        opening.callback(ledger.close)
        succession = Succession(
            lambda digest: ledger.stored_bundle(digest) or config.history(digest), config.root
        )
        transcripts = open_transcripts(config.data, config.log, lost_if_new=ledger.size > 0)
        opening.callback(transcripts.close)
        chain = history.take_up(ledger, succession, bundle, config.log)
        outbox = None if config.notify is None else open_outbox(config.data)
        if outbox is not None:
            opening.callback(outbox.close)
        ledger.store_bundle(bundle.files)
        holding = Holding(history.book, HoldFiles(stores.holds), history.clock, history.demands)
        gate = _gate(ledger, audit_key, history, holding)
        announce = Announcing(gate, ledger, succession, history.trust)
        law = LawInForce(
            first,
            config.read_files,
            make_witnesses,
            succession.follow,
            announce,
            beyond_loopback=config.beyond_loopback,
            guards=guards,
        )
        before = Before(history.routes, lambda bundle: announce(bundle, chain))
        service = Service(
            config, ledger, law, make_witnesses, gate, stores, transcripts, holding, history, before, outbox
        )
        opening.pop_all()  # the service lets it all go from here on
    return service


def _apart(config: ServiceConfig, stores: Stores) -> ContributionFiles:
    try:
        return ContributionFiles(stores.contributions, config.subject_keys, config.log)
    except (ChainDiffersError, KeysUnavailableError) as error:
        raise SubjectKeyError(str(error)) from error
    except ContributionStoreError as error:
        raise DataFolderError(str(error)) from error


def _history(config: ServiceConfig, apart: ContributionFiles) -> History:
    """Nothing known yet: the log is folded into it."""
    return History(
        apart.monitors(),
        Once(),
        Logged(),
        TrustSeen(),
        RevocationLists(RevocationFiles(config.data / "revocations")),
        GuardedClock(config.clock),
        Book(),
        Chronicle(),
    )


def _witnesses(
    config: ServiceConfig, stores: Stores, history: History, apart: ContributionFiles
) -> MakeWitnesses:
    cache, index = VerifiedCache(), ManifestIndex(stores.manifests)

    def make(bundle: Bundle) -> BundleWitnesses:
        config.authorities.all(bundle)  # a bundle whose callers could not be checked is no law
        trust = parse_trust(bundle.files["trust.toml"])
        checker = EvidenceChecker(trust, bundle.registry, cache, history.lists.book, history.logged.first)
        return BundleWitnesses(
            bundle,
            checker,
            EvidenceFiles(stores.evidence),
            history.monitors,
            history.once,
            history.lists,
            index,
            history.book.measured,
            apart.apart(history.monitors),
        )

    return make


def _guards() -> Guards:
    try:
        return registered_guards(os.environ)
    except GuardsError as error:
        raise LawError((str(error),)) from error


def _ledger(config: ServiceConfig, log_key: PrivateKey) -> Ledger:
    folder = config.data / "ledger"
    in_force = key_in_force(RealDisk(), folder)  # after a change of keys the log keeps its name
    return Ledger.open(
        folder,
        log_key,
        origin=f"caveat.invalid/log/{log_key.public().keyid[:16]}" if in_force is None else in_force.name,
        publish_seconds=config.publish_seconds,
        known=read_known(config.watch.known, folder),
    )


def _gate(ledger: Ledger, audit_key: bytes, history: History, holding: Holding) -> Gate:
    gate = Gate(
        ledger,
        Metrics(),
        history.clock,
        audit_key,
        history.lasting,
        holding,
        history.halts,
        [history.chronicle.fold],
    )
    gate.recorder.also(history.dissents.fold)
    gate.recorder.also(history.periods.fold)
    return gate
