"""The Cedar schema that the fact registry generates: one total, closed record for every point of control."""

from collections.abc import Iterable

from caveat.facts.registry import FactType, Registry

_CEDAR_TYPES = {
    FactType.ENUM: "String",
    FactType.SET: "Set<String>",
    FactType.LONG: "Long",
    FactType.BOOL: "Bool",
}


def cedar_schema(registry: Registry, limits: Iterable[str] = ()) -> str:
    """Every fact required, nothing else allowed; with `limits`, the record that clause texts read them from.

    Words are `String` here and closed by the registry and the linter before Cedar sees them: enum entities
    cost Cedar 1.4 times as much. Source: ADR-0010.
    """
    fields = [f"  {name}: {_CEDAR_TYPES[spec.type]}," for name, spec in registry.facts.items()]
    fields.append("  approvals: Set<String>,")
    names = list(limits)
    if names:
        fields.append("  limits: {" + ", ".join(f"{name}: Long" for name in names) + "},")
    record = "\n".join(fields)
    return (
        "entity Deployment;\nentity Model;\n"
        'action "prompt", "tool", "output" appliesTo {\n'
        f" principal: Deployment, resource: Model, context: {{\n{record}\n }}\n}};\n"
    )
