"""What a deployment may register: a workflow with a free slot fixes nothing about what is asked."""

import pytest

from caveat.cli.init import pack_folder
from caveat.policy.bundle import BundleError, parse_bundle
from caveat.store.folder import read_folder

FILES = dict(read_folder(pack_folder("bank")))
TYPED = 'template = "Sort {x:digest} now."\nmax_output_bytes = 100'
FREE = 'template = "Sort {x:text[99]} now."\nmax_output_bytes = 100'


def findings(more: str) -> tuple[str, ...]:
    files = {**FILES, "deployments.toml": FILES["deployments.toml"] + more.encode()}
    try:
        parse_bundle(files)
    except BundleError as error:
        return error.findings
    return ()


def workflow(body: str, facts: str, name: str = "new") -> str:
    where = f"deployments.complaints-desk.workflows.{name}"
    return f"\n[{where}]\n{body}\n[{where}.facts]\n{facts}\n"


def deployment(kind: str, more: str) -> str:
    return f'\n[deployments.x]\nkind = "{kind}"\noperator = "c"\nowner_group = "g"\n{more}\n'


def test_a_typed_workflow_with_a_limit_fixes_its_task() -> None:
    assert findings(workflow(TYPED, 'task = "sort_complaint"\nselection_criteria = "specific_case"')) == ()


def test_a_free_slot_may_go_with_other_facts_only() -> None:
    assert findings(workflow(FREE, "")) == ()
    (found,) = findings(workflow(FREE, 'task = "sort_complaint"'))
    assert "`new`: a slot takes free text, so whoever fills it decides on `task`" in found
    (found,) = findings(workflow(FREE, 'selection_criteria = "specific_case"'))
    assert "decides on `selection_criteria`" in found


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            workflow('template = "Sort {x:digest} now."', 'task = "sort_complaint"'),
            "needs `max_output_bytes`",
        ),
        (workflow('template = "Sort {x} now."', ""), "`template`: at character 5"),
        (workflow(TYPED, 'task = "sort"'), "not declared in `facts.toml`"),
        (workflow(TYPED, 'colour = "red"'), "not declared in `facts.toml`"),
        (workflow(TYPED, 'acquisition_channel = "first_party"'), "cannot be registered"),
        (workflow(TYPED, "human_decides = false"), "is registered for the deployment already"),
        (workflow(TYPED + '\nsystem = ""', ""), "`system` is left out"),
        (workflow(TYPED, "", name='"A B"'), "its name has small letters"),
        (workflow(TYPED + "\nmax_output_tokens = 0", ""), "max_output_tokens"),
        (workflow(TYPED + "\ncolour = 1", ""), "colour"),
        ('\n[deployments.branch-chat.workflows.w]\ntemplate = "Sort {x:digest} now."\n', "no workflows"),
        (deployment("pipeline", 'tools = ["t"]'), "only an `agent`"),
        (deployment("agent", 'observers = ["reach"]'), "is for `open_chat`"),
        (
            deployment("pipeline", 'facts = { task = "sort_complaint" }'),
            "a workflow with typed slots fixes it",
        ),
    ],
)
def test_what_may_not_be_registered_is_a_finding(more: str, why: str) -> None:
    assert any(why in found for found in findings(more)), findings(more)
