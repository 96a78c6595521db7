"""The page of a segmentation: scores by label and case, and the cases themselves with what was found in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from manyshot.report.page import Gallery, Page, Paragraph, Part, Picture, Section, Table, interval, provenance
from manyshot.segment.case_scores import CaseScores
from manyshot.segment.masked_source import MaskedSource

COLORS = ((230, 97, 1), (33, 102, 172), (27, 158, 119), (197, 27, 125), (166, 118, 29), (94, 60, 153))
"""Colors of the labels, in order; they begin again after the last."""
SHOWN = 6
"""Number of the worst and of the best cases that are shown."""
SIDE = 192
"""Least height of a shown picture in pixels."""


def segmentation_page(scores: CaseScores, source: MaskedSource, learned_from: MaskedSource, command: str) -> Page:
    """A page of scores.

    Args:
        scores: Scores of cases.
        source: The cases, with their masks.
        learned_from: The labeled items that were learned from.
        command: Command line that wrote the page.
    """
    means = scores.dice.mean(1)
    order = np.argsort(means, kind="stable")
    answer = scores.as_dict()
    overall = answer["dice"]
    both = sorted(set(source.patients) & set(learned_from.patients))
    legend = ", ".join(f"{label}: {_name(k)}" for k, label in enumerate(scores.labels))
    summary = (
        f"Dice {interval(overall['mean'], *overall['interval'], digits=3)} over {answer['patients']:,} patients "
        f"({answer['cases']:,} cases), learned from {len(learned_from):,}."
    )
    shown = f"Lines around what was found (thick) and around the true labels (thin, white). {legend}."
    sections = [
        Section("By label", [_labels(answer, scores.unit)]),
        Section("The worst cases", [Paragraph(shown), _gallery(scores, source, order[:SHOWN].tolist())]),
        Section("The best cases", [_gallery(scores, source, order[::-1][:SHOWN].tolist())]),
        Section("Learned from", [_learned(learned_from)]),
        Section("Every case, the worst first", [_cases(scores, order.tolist())]),
        Section("How it was scored", _explained(both)),
        provenance(command, {}),
    ]
    return Page("Segmentation from few labeled examples", summary, sections)


def _labels(answer: dict[str, Any], unit: str) -> Table:
    rows = []
    for label, one in answer["labels"].items():
        dice = one["dice"]
        distance = one["hausdorff_95"]
        shown = "" if distance is None else f"{distance:.2f}"
        cell = interval(dice["mean"], *dice["interval"], digits=3)
        rows.append((label, cell, shown, str(one["without_distance"])))
    head = ("label", "Dice", f"Hausdorff 95, {unit}", "cases without a distance")
    return Table(head, rows, "Means; 95 % intervals over patients.")


def _cases(scores: CaseScores, order: Sequence[int]) -> Table:
    rows = [
        (
            scores.names[n],
            *(f"{value:.3f}" for value in scores.dice[n]),
            *("" if np.isnan(value) else f"{value:.2f}" for value in scores.distance[n]),
        )
        for n in order
    ]
    head = [f"Dice, {label}" for label in scores.labels] + [f"{scores.unit}, {label}" for label in scores.labels]
    return Table(("case", *head), rows)


def _explained(both: Sequence[str]) -> list[Part]:
    parts: list[Part] = [
        Paragraph(
            "Dice is 2 |A and B| / (|A| + |B|) of a case's pixels (1: the same, 0: nothing in common; 1 too where a "
            "label is neither there nor found). Hausdorff 95 is the 95th percentile of the distances between both "
            "surfaces, the larger of both ways; of pictures in pixels of the file, of scans in millimeters."
        )
    ]
    if both:
        names = ", ".join(both[:5])
        parts.append(
            Paragraph(f"Patients that were also learned from: {len(both):,} ({names}). Scores may be too good.")
        )
    else:
        parts.append(Paragraph("Patients that were also learned from: 0."))
    return parts


def _gallery(scores: CaseScores, source: MaskedSource, rows: Sequence[int]) -> Gallery:
    targets = source.targets
    return Gallery(
        [
            Picture.of(
                overlay(source.items[n], scores.predicted[n], targets[n]),
                alt=f"{scores.names[n]} with what was found",
                caption=f"{scores.names[n]}: {scores.dice[n].mean():.3f}",
            )
            for n in rows
        ]
    )


def _learned(source: MaskedSource) -> Gallery:
    targets = source.targets
    return Gallery(
        [
            Picture.of(overlay(source.items[n], targets[n]), alt=source.names[n], caption=source.names[n])
            for n in range(min(len(source), SHOWN))
        ]
    )


def overlay(item: Tensor, found: Tensor, true: Tensor | None = None) -> Image.Image:
    """A picture with a line around each label that was found, and a thin white one around the true labels.

    Of a volume, the three planes through the middle of what is labeled are shown side by side.

    Args:
        item: `[c, *size]`, 0 to 255.
        found: Index of the label of each pixel.
        true: The true ones; None to draw only what was found.

    Example:
        >>> import torch
        >>> overlay(torch.zeros(1, 8, 8, dtype=torch.uint8), torch.zeros(8, 8, dtype=torch.long)).size
        (192, 192)
    """
    if item.ndim == 4:
        return _side_by_side([overlay(*plane) for plane in _planes(item, found, true)])
    factor = max(1, -(-SIDE // max(item.shape[1:])))
    gray = item.expand(3, -1, -1) if item.shape[0] != 3 else item
    canvas = _enlarged(gray.permute(1, 2, 0).numpy(), factor).copy()
    big = _enlarged(found.numpy(), factor)
    for label in range(1, int(found.max()) + 1 if found.numel() else 1):
        canvas[_line(big == label, max(1, factor // 2))] = COLORS[(label - 1) % len(COLORS)]
    if true is not None:
        wanted = _enlarged(true.numpy(), factor)
        for label in range(1, int(true.max()) + 1):
            canvas[_line(wanted == label, 1)] = 255
    return Image.fromarray(canvas)


def _planes(item: Tensor, found: Tensor, true: Tensor | None) -> list[tuple[Tensor, Tensor, Tensor | None]]:
    shown = (found if true is None else true) > 0
    places = shown.nonzero()
    middle = places.double().mean(0).round().long().tolist() if len(places) else [side // 2 for side in found.shape]
    flipped = []
    for axis in range(3):
        planes = [item[:1].select(axis + 1, middle[axis]), found.select(axis, middle[axis])]
        # Up and front are shown above: rows of these axes grow downwards.
        turned = [plane.flip(-2) for plane in planes]
        right = None if true is None else true.select(axis, middle[axis]).flip(-2)
        flipped.append((turned[0], turned[1], right))
    return flipped


def _side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    height = max(picture.height for picture in pictures)
    canvas = Image.new("RGB", (sum(picture.width + 4 for picture in pictures) - 4, height))
    x = 0
    for picture in pictures:
        canvas.paste(picture, (x, 0))
        x += picture.width + 4
    return canvas


def _enlarged(values: np.ndarray, factor: int) -> np.ndarray:
    return values.repeat(factor, 0).repeat(factor, 1)


def _line(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels of a mask that are nearer to its outside than a width."""
    inside = mask.copy()
    for _ in range(width):
        padded = np.pad(inside, 1)
        inside = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    line: np.ndarray = mask & ~inside
    return line


def _name(index: int) -> str:
    return ("orange", "blue", "green", "pink", "brown", "violet")[index % len(COLORS)]
