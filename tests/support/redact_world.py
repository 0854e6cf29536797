"""A small bundle that has content replaced, and values that stand in it.

Addresses, telephone numbers and code names never reach the endpoint. `agent` is supervised, so its readers
get them back; `chat` is not known to be, so its readers get addresses and names back and no number. The tool
`find` gets addresses back, and `alone`, which does nothing, does not.
"""

from tests.support.phrase_world import FACTS, PHRASES
from tests.support.small_bundle import adopted
from tests.support.tool_world import TOOLS, tool_bundle

EMAIL, PHONE, NAME = "ada.lovelace@example.org", "+49 170 123-4567", "Project  Heliotrope"
VALUES = (EMAIL, PHONE, NAME)
TEXT = f"Write to {EMAIL}, call {PHONE}, about {NAME}."
CLAUSES = """
@id("R1") @text("No address, number or code name reaches the endpoint.") @authority("contract")
@amend("operator") @redact("email, phone, phrases:names")
forbid (principal, action == Action::"prompt", resource);

@id("R2") @text("Numbers are for supervised readers.") @authority("contract") @amend("operator")
@redact("phone")
forbid (principal, action == Action::"output", resource) when { !context.supervised };

@id("R3") @text("A tool that does nothing needs no address.") @authority("contract") @amend("operator")
@redact("email")
forbid (principal, action == Action::"tool", resource) when { context.action_effect == "none" };
"""
_QUIET = TOOLS.replace(
    '[tools.alone]\neffect = "advisory"\ntext = "Works when nobody looks on."\n'
    "[tools.alone.facts]\nsupervised = false\n",
    '[tools.alone]\neffect = "none"\ntext = "Does nothing."\n',
)


def redact_bundle(clauses: str = CLAUSES, mode: str = "enforce") -> dict[str, bytes]:
    """The files, signed."""
    files = tool_bundle(tools=_QUIET, clauses=clauses)
    files = {name: data for name, data in files.items() if not name.startswith("signatures/")}
    files["facts.toml"] += FACTS.encode()
    files["phrases.toml"] = PHRASES.format(hold_back=16).encode()
    if mode == "observe":
        files["deployments.toml"] = files["deployments.toml"].replace(b'"enforce"', b'"observe"')
    return adopted(files)
