"""Scores of segmented cases: Dice and surface distance of each case and label, and their means over patients."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from manyshot.base import track
from manyshot.segment.dice import dice
from manyshot.segment.masked_source import MaskedSource
from manyshot.segment.segmenter import Segmentation
from manyshot.segment.surface_distance import hausdorff_95
from manyshot.training.seed_intervals import mean_interval

BATCH = 16


@dataclass(frozen=True, eq=False)
class CaseScores:
    """Scores of n cases.

    Args:
        names: Name of each case.
        patients: Patient of each case.
        labels: Names of the labels.
        dice: `[n, labels]`, 0 to 1; 1 where a label is neither there nor found.
        distance: 95 % Hausdorff distance `[n, labels]` in the unit; NaN where the label is only there or only found.
        predicted: Index of the label of each pixel, `[n, *size]`.
        unit: What distances are measured in: "mm", or "pixels" of the file.
    """

    names: tuple[str, ...]
    patients: tuple[str, ...]
    labels: tuple[str, ...]
    dice: Float[np.ndarray, "n k"]
    distance: Float[np.ndarray, "n k"]
    predicted: Int[Tensor, "n *size"]
    unit: str

    def as_dict(self) -> dict[str, Any]:
        """The scores for JSON: means with 95 % intervals over patients, and each case."""
        overall = self.over_patients(self.dice.mean(1))
        return {
            "cases": len(self.names),
            "patients": len(set(self.patients)),
            "dice": _with_interval(overall),
            "distance_unit": self.unit,
            "labels": {
                label: {
                    "dice": _with_interval(self.over_patients(self.dice[:, k])),
                    "hausdorff_95": None
                    if np.isnan(self.distance[:, k]).all()
                    else float(np.nanmean(self.distance[:, k])),
                    "without_distance": int(np.isnan(self.distance[:, k]).sum()),
                }
                for k, label in enumerate(self.labels)
            },
            "by_case": [
                {
                    "name": name,
                    "dice": dict(zip(self.labels, self.dice[n].tolist(), strict=True)),
                    "hausdorff_95": {
                        label: None if np.isnan(value) else float(value)
                        for label, value in zip(self.labels, self.distance[n].tolist(), strict=True)
                    },
                }
                for n, name in enumerate(self.names)
            ],
        }

    def over_patients(self, values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "m"]:
        """The mean of each patient's cases."""
        whose = np.array(self.patients)
        return np.array([values[whose == patient].mean() for patient in sorted(set(self.patients))])


def _with_interval(values: Float[np.ndarray, "m"]) -> dict[str, Any]:
    low, high = mean_interval(values, least=0, most=1)
    return {"mean": float(values.mean()), "interval": [low, high]}


@torch.no_grad()
def predict_labels(
    segment: Segmentation, items: UInt8[Tensor, "n c *size"], device: str = "cpu", title: str | None = None
) -> Int[Tensor, "n *size"]:
    """Index of the most probable label of each pixel; 0 for the rest.

    Args:
        segment: A function from items to probabilities.
        items: Items, 0 to 255.
        device: Where to compute.
        title: Title of the progress bar; None for none.
    """
    parts = torch.split(items, BATCH)
    shown = parts if title is None else track(parts, title)
    return torch.cat([segment(part.to(device).float() / 255).argmax(1).cpu() for part in shown])


def score_cases(
    segment: Segmentation, source: MaskedSource, device: str = "cpu", title: str | None = None
) -> CaseScores:
    """Segment every item of a source and compare with its mask.

    Args:
        segment: A function from items to probabilities.
        source: Items, with masks.
        device: Where to compute.
        title: Title of the progress bar; None for none.
    """
    predicted, true = predict_labels(segment, source.items, device, title), source.targets
    indices = range(1, len(source.labels) + 1)
    distance = np.full((len(source), len(source.labels)), np.nan)
    for n in range(len(source)):
        for k in indices:
            found = hausdorff_95((predicted[n] == k).numpy(), (true[n] == k).numpy(), source.spacing[n])
            distance[n, k - 1] = np.nan if found is None else found
    return CaseScores(
        source.names,
        source.patients,
        tuple(label.name for label in source.labels),
        dice(predicted, true, indices),
        distance,
        predicted,
        source.unit,
    )
