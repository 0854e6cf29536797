"""What the headers of an answer say of its decisions. Pure. Source: `docs/reference/http.md`."""

from collections.abc import Sequence

from caveat.gateway.routing import Opened
from caveat.gateway.ruling import Ruling
from caveat.gateway.upstream import returnable


def answer_headers(
    opened: Opened, prompt: Ruling, output: Ruling, tools: Sequence[Ruling] = ()
) -> list[tuple[bytes, bytes]]:
    """Those of the upstream that the caller may see, and ours. `tools`: on the calls in a whole answer."""
    headers = [*returnable(opened.answer.headers), *verdict_headers(prompt, output, tools)]
    if opened.target.name:
        headers.append((b"x-caveat-upstream", opened.target.name.encode()))
    return headers


def verdict_headers(
    ruling: Ruling, output: Ruling | None, tools: Sequence[Ruling] = ()
) -> list[tuple[bytes, bytes]]:
    """What was decided and where it stands. In observe mode: what would have been decided."""
    last = output or ruling
    worst = max((ruling, *tools, last), key=lambda one: one.decision.verdict.strictness)
    headers = [
        (b"x-caveat-verdict", worst.decision.verdict.value.encode()),
        (b"x-caveat-record", ruling.record_id.encode()),
    ]
    if worst.decision.clauses:
        headers.append((b"x-caveat-clauses", ",".join(worst.decision.clauses).encode()))
    if output is not None:
        headers.append((b"x-caveat-output-record", output.record_id.encode()))
    if tools:
        records = ",".join(one.record_id for one in tools)
        headers.append((b"x-caveat-tool-records", records.encode()))
    if ruling.use.deployment.mode == "observe":
        headers.append((b"x-caveat-mode", b"observe"))
    return headers
