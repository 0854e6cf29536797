"""Which policies can never apply to any use: a proof for each, or nothing said. Source: POLICY section 4."""

from dataclasses import replace

from caveat.analysis.encode import encode_policy
from caveat.analysis.frame import Members, make_frame
from caveat.analysis.solve import Answer, Session, disj, flag
from caveat.policy.bundle import Bundle


def never_apply(session: Session, bundle: Bundle) -> frozenset[str]:
    """The ids of the policies for which no complete use exists, whatever is approved."""
    frame = make_frame(bundle.registry.facts, bundle.policy.roles, "n")
    given = Members({role: flag(f"n!approval:{role}") for role in bundle.policy.roles})
    encoded = encode_policy(replace(frame, approvals=given), bundle.clauses)
    solver = session.solver(frame.well_formed)
    return frozenset(
        each.clause.id
        for each in encoded.clauses
        if solver.ask(disj([each.fires, each.errs])) is Answer.UNSATISFIABLE
    )
