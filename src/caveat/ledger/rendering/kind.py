"""Any record as JSON. Pure."""

from types import MappingProxyType

from caveat.ledger.record import DecisionRecord, Record
from caveat.ledger.rendering import decision, law, oversight, running, sampling
from caveat.ledger.rendering.body import VERSION, Bodies
from caveat.ledger.rendering.cases import RenderCases, render_cases
from caveat.ledger.rendering.decision import render_decision
from caveat.signing.canonical import JsonObject

_BODIES: Bodies = MappingProxyType(
    {**decision.BODIES, **oversight.BODIES, **sampling.BODIES, **law.BODIES, **running.BODIES}
)
"""Of every record that is no decision."""


def render_record(record: Record, cases: RenderCases = render_cases) -> JsonObject:
    """The JSON that `Ledger.append` takes; its canonical bytes are the leaf."""
    if isinstance(record, DecisionRecord):
        return render_decision(record, cases(record.cases))
    kind, body = _BODIES[type(record)]
    return {"v": VERSION, "kind": kind, "time": record.time, **body(record)}
