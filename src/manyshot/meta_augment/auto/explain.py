"""What `auto` saw, in words."""

import re

from manyshot.meta_augment.auto.auto_plan import Advice
from manyshot.meta_augment.auto.candidate_ops import OPS

MOST_ROWS = 8
"""Ops that an explanation names: those with the largest weights, and the one with the smallest."""


def explain(advice: Advice) -> str:
    """What was seen and what follows, as lines of text.

    Args:
        advice: From `advise`.
    """
    shots = advice.examples / advice.classes
    several = bool((advice.seen.error > 0).any())
    lines = [f"Looked at {advice.examples} pictures of {advice.classes} classes, {shots:.3g} of each."]
    if several:
        accuracy = float(advice.seen.accuracy)
        lines.append(f"Cross-validation on them and on a variant of each under every op gets {accuracy:.0%} right.")
    else:
        lines.append("With one picture of a class there is no cross-validation: the plan is the usual one.")
    lines += ["", f"{'variants':>8}  {'weight':>6}  {'usual':>6}  {'loss':>6}  {'moves':>6}  {'keeps class':>11}  ops"]
    lines += [_row(advice, index, several) for index in ops_to_show(advice)]
    lines += [
        "",
        "weight, usual: share of the variants, with and without what was seen; loss: how much worse left-out pictures",
        "are told apart under the op than under all; moves: how far variants go, of the distance of classes.",
        f"Plan: {advice.plan}",
    ]
    return "\n".join(lines)


def ops_to_show(advice: Advice) -> list[int]:
    """Where in `OPS` those with the largest weights are, and the one with the smallest.

    Args:
        advice: From `advise`.
    """
    order: list[int] = advice.weights.argsort(descending=True).tolist()
    return [*order[: MOST_ROWS - 1], order[-1]]


def name_of(row: str) -> str:
    """An op without its options.

    Args:
        row: One of `OPS`.

    Example:
        >>> name_of("blur(2) noise(0.1)")
        'blur noise'
    """
    return re.sub(r"\([^)]*\)", "", row)


def _row(advice: Advice, index: int, several: bool) -> str:
    loss = f"{float(advice.seen.excess[0, index]):+6.2f}" if several else " " * 6
    move, keep = float(advice.seen.move[0, index]), float(advice.seen.keep[0, index])
    weights = f"{float(advice.weights[index]):6.1%}  {float(advice.usual[index]):6.1%}"
    return f"{advice.mix.counts[index]:8d}  {weights}  {loss}  {move:6.0%}  {keep:11.0%}  {name_of(OPS[index])}"


def as_dict(advice: Advice) -> dict[str, object]:
    """The advice for JSON.

    Args:
        advice: From `advise`.
    """
    return {
        "plan": str(advice.plan),
        "examples": advice.examples,
        "classes": advice.classes,
        "ops": [
            {
                "op": OPS[index],
                "variants": advice.mix.counts[index],
                "weight": round(float(advice.weights[index]), 4),
                "usual_weight": round(float(advice.usual[index]), 4),
            }
            for index in advice.weights.argsort(descending=True).tolist()
        ],
    }
