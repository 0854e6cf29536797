"""The reference of the library names every member, argument and error code, and none that does not exist."""

import ast
import dataclasses
import inspect
from collections.abc import Iterator

import pytest

import caveat
from caveat.library import AsyncGate, Gate, Ruling
from tests.docs.pages import DOCS, ROOT, first_codes, section

PAGE = DOCS / "reference/library.md"
PUBLIC_FOR_TRANSPORTS = {"begin", "fault", "check_process"}


def documented(heading: str) -> set[str]:
    return {code.partition("(")[0].removeprefix("caveat.") for code in first_codes(section(PAGE, heading))}


def members(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")} - PUBLIC_FOR_TRANSPORTS


def arguments(call: object) -> list[str]:
    assert callable(call)
    return [name for name in inspect.signature(call).parameters if name != "self"]


def test_every_name_of_the_package_is_documented() -> None:
    named = {name for name in documented("Library") if name[:1].isupper()}
    assert named == set(caveat.__all__) - {"__version__"}


@pytest.mark.parametrize("kind", [Gate, AsyncGate])
def test_every_method_and_argument_of_a_gate_is_documented(kind: type) -> None:
    known = members(kind) | set(arguments(kind)) | set(arguments(vars(kind)["decide_prompt"]))
    assert documented("Gate and AsyncGate") == known - {"prompt", "model"}


def test_both_gates_have_the_same_members_and_signatures() -> None:
    assert members(Gate) == members(AsyncGate)
    assert inspect.signature(Gate).parameters == inspect.signature(AsyncGate).parameters
    for name in members(Gate) - {"api_key"}:
        assert arguments(vars(Gate)[name]) == arguments(vars(AsyncGate)[name]), name


def test_every_member_of_a_ruling_is_documented() -> None:
    fields = {field.name for field in dataclasses.fields(Ruling)}
    assert documented("Ruling") == fields | {"raise_for_verdict"}


def codes() -> Iterator[str]:
    """The codes that the room gives to `GateError` as they stand; the gateway's own pass through by name."""
    for file in (ROOT / "src/caveat/library").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "GateError":
                values = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                yield from (value for value in values if isinstance(value, str))


def test_every_error_code_is_documented() -> None:
    gateways = set(first_codes((DOCS / "reference/errors.md").read_text("utf-8")))
    assert set(codes()) - gateways == documented("GateError")
