"""Whose word makes a checkpoint count: the logs, the witnesses and the quorum of a policy file.

A witness counts once, by its key, however many lines or names it has; a cosignature counts only while it is
fresh. Parsing is strict, and whatever the bytes, only `PolicyParseError` is raised.
Source: C2SP tlog-policy; EVIDENCE attacks 48, 63 and 64 in `THREAT_MODEL.md`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from caveat.ledger.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint, parse_checkpoint
from caveat.ledger.errors import CheckpointParseError, PolicyParseError
from caveat.signing.cosignature import CosignerKey, cosigned_at, parse_cosigner_key
from caveat.signing.note import (
    NoteKey,
    NoteParseError,
    UnverifiedNote,
    parse_note,
    parse_note_key,
    verify_note,
)

MAX_POLICY_BYTES = 256 * 1024
MAX_NAMES = 64
CLOCK_SKEW_SECONDS = 60
_NONE = "none"
_Key = TypeVar("_Key", NoteKey, CosignerKey)
_NUMBER = re.compile(r"[1-9][0-9]{0,3}\Z")
_URL = re.compile(r"https?://[!-~]{1,500}\Z")


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness of a policy. `url`: its submission prefix; None where files are carried."""

    name: str
    key: CosignerKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Counts as one that witnessed where at least `threshold` of its members did."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that its log signed, and who cosigned it when (POSIX seconds), by the policy's names."""

    checkpoint: Checkpoint
    times: Mapping[str, int]
    quorum: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses, groups, and the name that has to have witnessed; None: nobody has to."""

    logs: tuple[NoteKey, ...]
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, Group]
    quorum: str | None

    def verify(
        self, data: bytes, *, now_seconds: int, max_age_seconds: int | None = None, log: NoteKey | None = None
    ) -> Cosigned:
        """What this checkpoint is worth now; raises `CheckpointParseError` unless a known log signed it.

        `log` replaces the policy's logs. A cosignature older than `max_age_seconds`, or further ahead of
        `now_seconds` than clocks may differ, does not count.
        """
        note, checkpoint = self._signed(data, self.logs if log is None else (log,))
        times: dict[str, int] = {}
        for witness in self.witnesses.values():
            seconds = cosigned_at(note, witness.key)
            if seconds is None or seconds > now_seconds + CLOCK_SKEW_SECONDS:
                continue
            if max_age_seconds is None or seconds >= now_seconds - max_age_seconds:
                times[witness.name] = seconds
        return Cosigned(checkpoint, times, self.is_quorum(times))

    def is_quorum(self, names: Mapping[str, object]) -> bool:
        """Whether these witnesses suffice. Names are defined before use, so this ends."""
        return self.quorum is None or self._witnessed(self.quorum, names)

    def _witnessed(self, name: str, names: Mapping[str, object]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return sum(self._witnessed(member, names) for member in group.members) >= group.threshold

    @staticmethod
    def _signed(data: bytes, logs: tuple[NoteKey, ...]) -> tuple[UnverifiedNote, Checkpoint]:
        if len(data) > MAX_CHECKPOINT_BYTES:
            raise CheckpointParseError("the checkpoint is too large")
        try:
            note = parse_note(data)
        except NoteParseError as error:
            raise CheckpointParseError("the checkpoint is no signed note") from error
        checkpoint = parse_checkpoint(note.text)
        if not any(key.name == checkpoint.origin and verify_note(note, key) for key in logs):
            raise CheckpointParseError("the checkpoint is not signed by a log that is known here")
        return note, checkpoint


def parse_policy(data: bytes) -> Policy:
    """The policy in `data`; raises `PolicyParseError` and nothing else."""
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyParseError("the policy is too large")
    if any(octet < 0x20 and octet not in (0x09, 0x0A) for octet in data) or 0x7F in data:
        raise PolicyParseError("the policy holds a control character")
    reading = _Reading()
    for number, line in enumerate(data.decode("latin-1").split("\n"), start=1):  # octets, as they are
        fields = [field for field in line.replace("\t", " ").split(" ") if field]
        if fields and not fields[0].startswith("#"):
            try:
                reading.line(fields)
            except PolicyParseError as error:
                raise PolicyParseError(f"line {number}: {error}") from error
    return reading.policy()


class _Reading:
    """A policy as far as it was read."""

    def __init__(self) -> None:
        self._logs: list[NoteKey] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None
        self._has_quorum = False

    def line(self, fields: list[str]) -> None:
        match fields:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(vkey, url)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, vkey, url)
            case ["group", name, threshold, *members]:
                self._group(name, threshold, members)
            case ["quorum", name]:
                self._set_quorum(name)
            case _:
                raise PolicyParseError("it defines no log, witness, group or quorum")
        if max(len(self._logs), len(self._witnesses), len(self._groups)) > MAX_NAMES:
            raise PolicyParseError(f"a policy has at most {MAX_NAMES} logs, witnesses and groups each")

    def policy(self) -> Policy:
        if not self._has_quorum:
            raise PolicyParseError("the policy has no quorum line; `quorum none` says that nobody has to")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _log(self, vkey: str, url: list[str]) -> None:
        key = _read(parse_note_key, vkey)
        _check_url(url)
        if any(known.key == key.key for known in self._logs):
            raise PolicyParseError("a log's key stands twice")
        self._logs.append(key)

    def _witness(self, name: str, vkey: str, url: list[str]) -> None:
        self._check_fresh(name)
        key = _read(parse_cosigner_key, vkey)
        _check_url(url)
        if any(known.key.key == key.key for known in self._witnesses.values()):
            raise PolicyParseError("a witness's key stands twice: one key is one witness")
        self._witnesses[name] = Witness(name, key, url[0].rstrip("/") if url else None)

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        self._check_fresh(name)
        if not members or any(not self._is_defined(member) for member in members):
            raise PolicyParseError("a group lists names that are defined before it")
        if len(set(members)) != len(members) or self._members.intersection(members):
            raise PolicyParseError("a name is a member of one group, once")
        needed = {"all": len(members), "any": 1}.get(threshold)
        if needed is None:
            if _NUMBER.match(threshold) is None or int(threshold) > len(members):
                raise PolicyParseError("a group's threshold is `all`, `any`, or 1 to its members")
            needed = int(threshold)
        self._members.update(members)
        self._groups[name] = Group(needed, tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self._has_quorum:
            raise PolicyParseError("there is one quorum line")
        if name != _NONE and not self._is_defined(name):
            raise PolicyParseError("the quorum names what is defined before it")
        self._has_quorum = True
        self._quorum = None if name == _NONE else name

    def _is_defined(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups

    def _check_fresh(self, name: str) -> None:
        if name == _NONE or self._is_defined(name):
            raise PolicyParseError("the name is taken")


def _read(parse: Callable[[str], _Key], text: str) -> _Key:
    try:
        return parse(text)
    except NoteParseError as error:
        raise PolicyParseError(str(error)) from error


def _check_url(url: list[str]) -> None:
    if url and _URL.match(url[0]) is None:
        raise PolicyParseError("the URL is no http or https address")
