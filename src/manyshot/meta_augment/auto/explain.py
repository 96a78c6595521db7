"""What `auto` saw, in words."""

import re

import torch

from manyshot.meta_augment.auto.advise import Advice
from manyshot.meta_augment.auto.evidence import PROBE_NAMES, SCORE_NAMES
from manyshot.meta_augment.auto.menu import CANDIDATES, OPS, Candidate
from manyshot.meta_augment.auto.traits import TASK_NAMES

MOST_ROWS = 8
"""Candidates that an explanation names: the most promising and the most harmful."""


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
    lines += [_row(advice, index, bool(several)) for index in candidates_to_show(advice)]
    lines += [
        "",
        "expected: points of accuracy on new pictures; moves: how far variants go, of the distance between classes.",
        f"Plan: {advice.plan}",
    ]
    if not advice.candidate.rows:
        lines.append("Nothing on the menu is expected to help here.")
    return "\n".join(lines)


def candidates_to_show(advice: Advice) -> list[int]:
    """Where in `CANDIDATES` those with the highest expected gains are, each with its best use, and the worst.

    Args:
        advice: From `advise`.
    """
    order: list[int] = advice.gains.argsort(descending=True).tolist()
    best: dict[tuple[str, ...], int] = {}
    for index in order:
        if CANDIDATES[index].rows:
            best.setdefault(CANDIDATES[index].rows, index)
    ranked = list(best.values())
    return [*ranked[: MOST_ROWS - 1], ranked[-1]]


def names_of(candidate: Candidate) -> str:
    """What a candidate does, without options.

    Args:
        candidate: One of `CANDIDATES`.

    Example:
        >>> names_of(Candidate(("flip turn", "blur(2) noise(0.1)"), "views"))
        'flip turn | blur noise'
    """
    return " | ".join(re.sub(r"\([^)]*\)", "", row) for row in candidate.rows)


def _row(advice: Advice, index: int, several: bool) -> str:
    candidate = CANDIDATES[index]
    expected = 100 * float(advice.gains[index])
    tried = 100 * float(advice.seen.scores[0, index - 1, SCORE_NAMES.index("accuracy")])
    validated = f"{tried:+10.1f}" if several else " " * 10
    moves = advice.seen.op_effects[0, [OPS.index(row) for row in candidate.rows]].mean(0)
    move, keep = (float(moves[PROBE_NAMES.index(name)]) for name in ("move", "keep"))
    mark = "*" if candidate == advice.candidate else " "
    return f"{expected:+8.1f}  {validated}  {move:6.0%}  {keep:11.0%} {mark}{names_of(candidate)} ({candidate.use})"


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
