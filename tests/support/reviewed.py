"""The overseen bundle with facts that the observer of reviews measures, and a clause that reads them."""

from caveat.policy.bundle import parse_bundle
from tests.support.overseers import Somebody, overseen_bundle
from tests.support.small_bundle import SmallBundle, adopted

FACTS = """
[facts.review_seconds_median]
type = "long"
about = "use"
grade = "observed"
observed_by = ["review"]
neutral = 0
hi = 10000000
severest = 0
amend = "operator"
text = "Median seconds of review."
[facts.approval_mode]
type = "enum"
values = ["unmeasured", "batch", "per_item"]
about = "use"
grade = "observed"
observed_by = ["review"]
neutral = "unmeasured"
severest = "batch"
amend = "operator"
text = "Whether approvals come one by one."
"""
CLAUSE = """
@id("C5") @text("Five devices and more take reviewed people.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when {
  context.subject_count >= 5 &&
  (context.approval_mode != "per_item" || context.review_seconds_median < 10)
};
"""


def reviewed_files(*people: Somebody, oversight: str = "", observers: str = "review") -> dict[str, bytes]:
    """Signed files. Five devices and more are denied while reviews are not measured."""
    bundle: SmallBundle = overseen_bundle(*people, oversight=oversight)
    bundle.signed = False
    files = bundle.files()
    files["facts.toml"] += FACTS.encode()
    files["clauses/all.cedar"] += CLAUSE.encode()
    seen = b'observers = ["totals", "counter", "%s"]' % observers.encode()
    files["deployments.toml"] = files["deployments.toml"].replace(b'observers = ["totals", "counter"]', seen)
    parse_bundle(files)
    return adopted(files)
