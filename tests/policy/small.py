"""A smallest well-formed bundle, to be spoilt in one place at a time."""

from collections.abc import Mapping

from caveat.policy.bundle import BundleError, parse_bundle

MANIFEST = """
version = 1
name = "small"
release = "1"
text = "small"
[decision]
step_budget = 1000
[actors.provider]
text = "one party"
[actors.customer]
text = "the other party"
[roles.counsel]
text = "counsel"
[limits.many]
value = 10
amend = "provider & customer"
text = "many"
[[process]]
id = "P9"
mechanism = "ledger"
authority = "contract"
amend = "customer"
text = "recorded"
"""
FACTS = """
version = 1
[facts.channel]
type = "enum"
values = ["bought", "given", "unknown"]
unknown = ["unknown"]
attested_by = ["issuer", "registration"]
severest = "bought"
amend = "provider"
text = "how it came"
[facts.kinds]
type = "set"
values = ["a", "b"]
attested_by = ["issuer"]
empty_is_unknown = true
join = "union"
severest = ["a"]
amend = "provider"
text = "kinds"
[facts.persons]
type = "long"
attested_by = ["issuer"]
observed_by = ["counter"]
join = "total"
neutral = 0
severest = 100
hi = 100
amend = "provider"
text = "persons"
[facts.verified]
type = "bool"
attested_by = ["issuer"]
severest = false
amend = "provider"
text = "verified"
[facts.score]
type = "long"
grade = "estimated"
hi = 9
severest = 9
amend = "provider"
text = "score"
"""
HEAD = '@text("t") @authority("contract") @amend("provider & customer")'
CLAUSES = f"""
@id("C1") {HEAD} @red_line("line")
forbid (principal, action, resource) when {{ context.persons > context.limits.many }};
@id("C2") {HEAD}
forbid (principal, action, resource) when {{ context.channel == "bought" }}
unless {{ context.approvals.contains("counsel") }};
@id("C3") {HEAD}
forbid (principal, action, resource) when {{ context.score > 5 }};
@id("C4") {HEAD}
permit (principal, action, resource);
"""
RED_LINE = f"""
@id("L1") {HEAD} @red_line("line")
forbid (principal, action, resource) when {{ context.persons >= 11 }};
"""
DEPLOYMENTS = """
version = 1
[deployments.desk]
kind = "pipeline"
operator = "customer"
owner_group = "g"
key_digests = ["0000000000000000000000000000000000000000000000000000000000000001"]
[deployments.desk.facts]
channel = "given"
"""


def small() -> dict[str, bytes]:
    """The files of the bundle."""
    return {
        "bundle.toml": MANIFEST.encode(),
        "facts.toml": FACTS.encode(),
        "trust.toml": b"version = 1\n",
        "tools.toml": b"version = 1\n",
        "deployments.toml": DEPLOYMENTS.encode(),
        "clauses/all.cedar": CLAUSES.encode(),
        "red_lines/line.cedar": RED_LINE.encode(),
    }


def edited(path: str, old: str, new: str, files: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """The bundle with one text replaced in one file; the text must be there."""
    files = dict(files or small())
    text = files[path].decode()
    assert old in text, f"{path} does not hold {old!r}"
    files[path] = text.replace(old, new).encode()
    return files


def added(path: str, text: str) -> dict[str, bytes]:
    """The bundle with more text at the end of one file."""
    files = small()
    files[path] = files.get(path, b"") + text.encode()
    return files


def findings(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Why the bundle does not load; empty where it does."""
    try:
        parse_bundle(files)
    except BundleError as error:
        return error.findings
    return ()
