"""Every code that a negotiation can answer with is documented, each in its table."""

import ast
import re

from caveat.negotiation.act import ActKind
from caveat.negotiation.clauses import Difference
from caveat.negotiation.document import CheckKind
from caveat.negotiation.errors import Flaw, Rule
from caveat.negotiation.protocol import Standing
from tests.docs.pages import DOCS, ROOT, first_codes, section

PAGE = DOCS / "reference/terms.md"
ROOM = ROOT / "src/caveat/negotiation"


def test_every_rule_flaw_and_check_has_its_row_and_no_other_has() -> None:
    assert set(first_codes(section(PAGE, "Rules"))) == {rule.value for rule in Rule} | {"broken_log"}
    documented = set(first_codes(section(PAGE, "JSON")))
    assert documented == {flaw.value for flaw in Flaw}
    assert {kind.value for kind in CheckKind} <= set(first_codes(section(PAGE, "Documents")))


def test_every_reason_of_a_check_is_documented() -> None:
    reasons = set(first_codes(section(PAGE, "Documents")))
    assert _reasons() - reasons == set()


def _reasons() -> set[str]:
    """Every word in the code that becomes the reason of a check."""
    found: set[str] = set()
    for name in ("cms.py", "importing.py", "timestamp.py", "dkim_signature.py"):
        tree = ast.parse((ROOM / name).read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {"Check": 2, "CmsError": 0}.get(node.func.id)
                if place is not None:
                    found |= {n.value for n in ast.walk(node.args[place]) if _is_word(n)}  # type: ignore[attr-defined]
            if isinstance(node, ast.Return) and name == "dkim_signature.py" and node.value is not None:
                value = node.value.orelse if isinstance(node.value, ast.IfExp) else node.value
                found |= {n.value for n in (value,) if _is_word(n)}  # type: ignore[attr-defined]
    return found


def _is_word(node: object) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z]+(_[a-z]+)*", node.value) is not None
    )


def test_every_code_of_a_document_refused_unread_is_named() -> None:
    text = PAGE.read_text("utf-8")
    codes = {
        code
        for file in (*ROOM.glob("*.py"), *(ROOT / "src/caveat/cli").glob("terms_*.py"))
        for code in re.findall(
            r"(?:DocumentError|DoesNotHoldError)\(\s*\"([a-z_]+)\"", file.read_text("utf-8")
        )
    }
    assert {"too_deep", "not_an_act"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


def test_every_act_standing_and_difference_is_named() -> None:
    text = PAGE.read_text("utf-8")
    words = [member.value for kind in (ActKind, Standing, Difference) for member in kind]
    assert [word for word in words if f"`{word}`" not in text] == []
