"""What `auto` saw, in words."""

import torch

from manyshot.meta_augment.auto.advise import Advice
from manyshot.meta_augment.auto.evidence import PROBE_NAMES, SCORE_NAMES
from manyshot.meta_augment.auto.menu import CANDIDATES, OPS, USES
from manyshot.meta_augment.auto.traits import TASK_NAMES

MOST_ROWS = 8
"""Rows of the menu that an explanation names: the most promising and the most harmful."""


def explain(advice: Advice) -> str:
    """What was seen and what follows, as lines of text.

    Args:
        advice: From `advise`.
    """
    shots = advice.examples / advice.classes
    several = advice.seen.task[0, TASK_NAMES.index("several shots")] > 0
    lines = [f"Looked at {advice.examples} pictures of {advice.classes} classes, {shots:.3g} of each."]
    if several:
        accuracy = float(advice.seen.task[0, TASK_NAMES.index("plain accuracy")])
        lines.append(f"Without augmentation, cross-validation on them gets {accuracy:.0%} right.")
    else:
        lines.append("With one picture of a class there is no cross-validation: how variants move has to do.")
    lines += ["", f"{'expected':>8}  {'cross-val.':>10}  {'moves':>6}  {'keeps class':>11}  ops"]
    for row, use in rows_to_show(advice):
        lines.append(_row(advice, row, use, bool(several)))
    lines += [
        "",
        "expected: points of accuracy on new pictures; moves: how far variants go, of the distance between classes.",
        f"Plan: {advice.plan}",
    ]
    if not advice.candidate.ops:
        lines.append("Nothing on the menu is expected to help here.")
    return "\n".join(lines)


def rows_to_show(advice: Advice) -> list[tuple[int, str]]:
    """The rows of the menu with the highest expected gains, each with its best use, and the worst one.

    Args:
        advice: From `advise`.
    """
    table = advice.gains[1:].view(len(OPS), len(USES))
    best = table.amax(1)
    order = best.argsort(descending=True).tolist()
    kept = [*order[: MOST_ROWS - 1], order[-1]]
    uses = list(USES)
    return [(row, uses[int(table[row].argmax())]) for row in kept]


def _row(advice: Advice, row: int, use: str, several: bool) -> str:
    expected = 100 * float(advice.gains[1 + row * len(USES) + list(USES).index(use)])
    moves = advice.seen.moves[0, row]
    tried = 100 * float(advice.seen.gains[0, row, SCORE_NAMES.index(f"{use} accuracy")])
    validated = f"{tried:+10.1f}" if several else " " * 10
    move, keep = (float(moves[PROBE_NAMES.index(name)]) for name in ("move", "keep"))
    mark = "*" if CANDIDATES.index(advice.candidate) == 1 + row * len(USES) + list(USES).index(use) else " "
    return f"{expected:+8.1f}  {validated}  {move:6.0%}  {keep:11.0%} {mark}{OPS[row]} ({use})"


def as_dict(advice: Advice) -> dict[str, object]:
    """The advice for JSON.

    Args:
        advice: From `advise`.
    """
    order = torch.argsort(advice.gains, descending=True)[:MOST_ROWS].tolist()
    return {
        "plan": str(advice.plan),
        "expected_gain": round(advice.gain, 4),
        "examples": advice.examples,
        "classes": advice.classes,
        "best": [
            {"plan": str(CANDIDATES[index].plan), "expected_gain": round(float(advice.gains[index]), 4)}
            for index in order
        ],
    }
