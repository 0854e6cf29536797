"""One sentence for each layer, for whoever reads no tables; each figure in it is linked to its run."""

from html import escape

from caveat.assay.arms import ENFORCEMENT, LAYER_TEXTS
from caveat.assay.measured import LayerMeasured, Measured
from caveat.assay.protection import Effect
from caveat.cli.assay_evidence import linked


def layer_sentences(measured: Measured) -> str:
    """A list, the layers in their order."""
    said = "".join(
        f"<li><b>{escape(layer)}</b> ({escape(LAYER_TEXTS[layer])}): {_sentence(layer, measured)}</li>"
        for layer in measured.layers
    )
    return f'<ul class="said">{said}</ul>'


def _sentence(layer: str, measured: Measured) -> str:
    """The adversary against whom it does most, or what the run could have seen."""
    if layer in measured.unmeasured_layers:
        return f"unmeasured: {escape(measured.unmeasured_layers[layer])}."
    found = {who: one for who, one in measured.layers[layer].items() if one.effect is Effect.MEASURED}
    if not found:
        return _without(layer, measured)
    who = max(found, key=lambda each: (_missed(found[each]), -len(each)))
    count, total = found[who].share.count, found[who].share.total
    figure = linked(f"{count} of {total}", "layer", layer, who)
    if layer == ENFORCEMENT:
        return f"without it the verdicts are only words: {figure} uses that it holds go through."
    if not found[who].by_absence.stopped:
        return f"alone it stops {figure} uses of <i>{escape(who)}</i>; the others stop them without it, too."
    return f"without it <i>{escape(who)}</i> gets {figure} uses through that it holds."


def _missed(one: LayerMeasured) -> int:
    return one.by_absence.stopped * 1_000_000 + one.alone.stopped


def _without(layer: str, measured: Measured) -> str:
    effects = measured.layers[layer].values()
    smallest = [
        contrast.smallest
        for one in effects
        for contrast in (one.by_absence, one.alone)
        if contrast.smallest is not None
    ]
    if not smallest or all(one.effect is Effect.UNMEASURED for one in effects):
        return "unmeasured in this run, which is not to say that it does nothing."
    visible = linked(f"{min(smallest):.0%}", "layer", layer)
    missed = max(one.by_absence.stopped for one in effects)
    chance = f", and the {missed} uses that were missed without it may be chance" if missed else ""
    return f"no measured effect; one on fewer than {visible} of the uses could not have been seen{chance}."
