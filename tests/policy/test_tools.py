"""`tools.toml`: what may be registered of a tool, and what keeps a bundle from loading."""

from collections.abc import Mapping

import pytest

from caveat.policy.bundle import BundleError, parse_bundle
from tests.support.small_bundle import SmallBundle
from tests.support.tool_world import TOOLS, tool_bundle


def findings(files: Mapping[str, bytes]) -> tuple[str, ...]:
    try:
        parse_bundle(files)
    except BundleError as error:
        return error.findings
    return ()


def test_a_tool_has_its_effect_and_its_facts_as_the_registry_types_them() -> None:
    tools = parse_bundle(tool_bundle()).tools
    assert {name: dict(tool.facts) for name, tool in tools.items()} == {
        "find": {"action_effect": "advisory"},
        "fire": {"action_effect": "kinetic"},
        "vague": {},
        "alone": {"action_effect": "advisory", "supervised": False},
        "other": {"action_effect": "advisory"},
    }


WRONG = {
    "a member that is not known": ('[tools.a]\neffects = "none"', "tool `a`, `effects`: extra inputs"),
    "a tool that is no table": ("[tools]\na = 1", "tool `a`"),
    "a list of tools": ("tools = []", "`tools.toml`: `tools` is a table"),
    "a table beside the tools": ('[tool.a]\neffect = "none"', "`tools.toml`: `tool` has no meaning"),
    "an effect that is no value": ('[tools.a]\neffect = "benign"', "the value of `action_effect` is not"),
    "an effect that is no text": ("[tools.a]\neffect = true", "tool `a`, `effect`"),
    "the effect among its facts": (
        '[tools.a.facts]\naction_effect = "none"',
        "tool `a`: `action_effect` is given as `effect`",
    ),
    "a fact that is not declared": ("[tools.a.facts]\nmood = true", "fact `mood` is not declared"),
    "a value of another type": ("[tools.a.facts]\nsupervised = 1", "the value of `supervised` is not"),
    "a fact that no registration attests": (
        "[tools.a.facts]\ncumulative_subject_count_12m = 1",
        "`cumulative_subject_count_12m` cannot be registered",
    ),
    "a fact about data": (
        '[tools.a.facts]\nacquisition_channel = "synthetic"',
        "tool `a`: `acquisition_channel` is about data",
    ),
    "no name": ('[tools.""]\neffect = "none"', "its name has 1 to 128 printable characters"),
    "a name with a line in it": ('[tools."a\\nb"]\neffect = "none"', "printable characters"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_tool_keeps_the_bundle_from_loading_for(what: str) -> None:
    said, expected = WRONG[what]
    found = findings(tool_bundle(tools=f"version = 1\n{said}\n"))
    assert any(expected in finding for finding in found), found


def test_a_tool_does_not_say_what_is_asked() -> None:
    files = tool_bundle(tools="version = 1\n[tools.a.facts]\ntask = 'x'\n")
    assert any("`task` depends on what is asked" in finding for finding in findings(files))


def test_a_deployment_names_declared_tools_where_any_is_declared() -> None:
    some = TOOLS.replace("[tools.vague]", "[tools.vaguer]")
    named = [
        f"deployment `{name}`: tool `vague` is not declared in `tools.toml`" for name in ("agent", "watched")
    ]
    assert list(findings(tool_bundle(tools=some))) == named
    assert findings(tool_bundle(tools="version = 1\n")) == ()


def test_where_the_registry_has_no_effect_the_word_is_for_people() -> None:
    files = SmallBundle(signed=False).files()
    files["tools.toml"] = b'version = 1\n[tools.a]\neffect = "anything"\n'
    assert dict(parse_bundle(files).tools["a"].facts) == {}
