"""Kinds of white cells learned from five pictures under one microscope, and told under another.

Four kinds of `white_cells` (there is one basophil of each microscope), five cells each of microscope 1, ridge
regression on a frozen EfficientNet-Lite0, features centered by all cells of microscope 1; balanced accuracy on all
cells of microscope 2, and on the other cells of microscope 1.

The second microscope enlarges more and stains otherwise, so arms match size (a square around the cell, by its mask),
color (Reinhard's method, to 40 unlabeled cells of microscope 1), or both, in all pictures; or change the five pictures
by styles of both microscopes. `centered` takes the mean of all cells of a microscope, without their classes, off the
features of each of its cells. `chosen` takes the encoder, its resolution and the penalty that did best on the other
cells of microscope 1, in other draws. These arms were added after the figures of the others had been seen. Writes
results/medical_cell_classes.json.

    python experiments/medical_cell_classes.py --root DATA
"""

import argparse
import csv
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from run_and_record import write
from torch import Tensor

from manyshot.augment.image import Flip, StainNormalize, Turn
from manyshot.augment.image.stain.stain_style import StainStyle
from manyshot.augment.image.stain.stain_styles import StainStyles, write_styles
from manyshot.base.seeds import generator
from manyshot.learners import Ridge
from manyshot.nets import ENCODERS
from manyshot.tasks import Examples
from manyshot.training import holm, mean_interval, paired_difference

NAME = "medical_cell_classes"
ENCODER, SIDE = "efficientnet-lite0(resolution=96)", 96
KINDS = ("neutrophil", "lymphocyte", "monocyte", "eosinophil")
SHOTS, DRAWS, STYLED, COPIES, PENALTY, MARGIN = 5, 100, 40, 3, 0.1, 0.15
CHOSEN = "same size and color, chosen"
CHOICES = (
    (ENCODER, SIDE),
    ("efficientnet-lite0(resolution=160)", 160),
    ("efficientnet-lite0(resolution=224)", 224),
    ("efficientnet-lite2(resolution=192)", 192),
)
PENALTIES, CHOOSING = (0.01, 0.1, 1.0, 10.0), 60
"""What is chosen from, and the draws that choose, which are no others' draws."""
ARMS = (
    "as they are",
    "same size",
    "same color",
    "same size and color",
    "same size, styles",
    "same size and color, styles",
    "same size and color, centered",
    "same size and color, styles, centered",
    CHOSEN,
)


def cells(root: Path, side: int = SIDE) -> tuple[dict[str, Tensor], np.ndarray, np.ndarray]:
    """Pictures as they are and cut to the cell `[n, 3, side, side]`; class and microscope of each."""
    with (root / "white_cells" / "classes.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["class"] in KINDS]
    whole, cut = [], []
    with zipfile.ZipFile(root / "white_cells" / "cells.zip") as archive:
        for row in rows:
            image = Image.open(io.BytesIO(archive.read(f"images/{row['file']}"))).convert("RGB")
            mask = np.asarray(Image.open(io.BytesIO(archive.read(f"masks/{row['file']}")))) > 0
            y, x = np.nonzero(mask)
            middle, reach = (
                ((x.min() + x.max()) / 2, (y.min() + y.max()) / 2),
                (1 + 2 * MARGIN) * max(np.ptp(x), np.ptp(y)) / 2,
            )
            box = tuple(round(m + sign * reach) for sign in (-1, 1) for m in middle)
            whole.append(np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)))
            fill = tuple(np.median(np.asarray(image)[~mask], axis=0).astype(int).tolist())
            canvas = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), fill)
            canvas.paste(image, (-box[0], -box[1]))
            cut.append(np.asarray(canvas.resize((side, side), Image.Resampling.BILINEAR)))
    pictures = {
        name: torch.from_numpy(np.stack(some)).permute(0, 3, 1, 2) for name, some in (("whole", whole), ("cut", cut))
    }
    classes = np.array([KINDS.index(row["class"]) for row in rows])
    return pictures, classes, np.array([int(row["microscope"][-1]) for row in rows])


@torch.no_grad()
def features(encoder: torch.nn.Module, images: Tensor) -> Tensor:
    """Features of length 1."""
    floats = images.float() / 255 if images.dtype == torch.uint8 else images
    found = torch.cat([encoder(part) for part in floats.split(64)]).clamp(min=0).sqrt()
    return torch.nn.functional.normalize(found, dim=1)


def colored(images: Tensor, microscopes: np.ndarray) -> Tensor:
    """All pictures in the colors of some of microscope 1."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "styles.json")
        write_styles(path, StainStyles.of(images[np.flatnonzero(microscopes == 1)[:STYLED]].float() / 255))
        return StainNormalize("reinhard", str(path), keep=False)(images)


def chosen(root: Path) -> tuple[Tensor, str, float]:
    """Features of all cells, of one size and color, by the encoder and for the penalty that suit microscope 1 best."""
    best: tuple[float, Tensor, str, float] = (0.0, torch.empty(0), "", 0.0)
    for name, side in CHOICES:
        pictures, classes, microscopes = cells(root, side)
        encoder = ENCODERS.build(name, channels=3, size=side, norm="batch").eval()
        rows = features(encoder, colored(pictures["cut"], microscopes))
        for penalty in PENALTIES:
            draws = range(DRAWS, DRAWS + CHOOSING)
            found = [one_draw((rows, None), classes, microscopes, seed, False, penalty)[1] for seed in draws]
            print(name, penalty, f"{np.mean(found):.3f} on other cells of microscope 1", flush=True)
            best = max(best, (float(np.mean(found)), rows, name, penalty), key=lambda one: one[0])
    return best[1:]


def prepared(root: Path) -> tuple[dict[str, tuple[Tensor, Tensor | None]], np.ndarray, np.ndarray]:
    """By arm: features of all cells, and of styled variants of them, if the arm has some `[n, copies, d]`."""
    pictures, classes, microscopes = cells(root)
    encoder = ENCODERS.build(ENCODER, channels=3, size=SIDE, norm="batch").eval()
    with tempfile.TemporaryDirectory() as folder:
        shown = {}
        for name, images in pictures.items():
            shown[name], shown[f"{name}, colored"] = images, colored(images, microscopes)
        both = np.concatenate([np.flatnonzero(microscopes == which)[:STYLED] for which in (1, 2)])
        path = Path(folder, "both.json")
        write_styles(path, StainStyles.of(pictures["cut"][both].float() / 255))
        plain = {name: features(encoder, images) for name, images in shown.items()}
        styled = {}
        for name in ("cut", "cut, colored"):
            several = shown[name].repeat_interleave(COPIES, 0).float() / 255
            for number, op in enumerate((Flip(), Turn(), StainStyle(str(path)))):
                several = op(several, generator("cells", name, number))
            styled[name] = features(encoder, several).unflatten(0, (len(classes), COPIES))
    arms = {
        "as they are": (plain["whole"], None),
        "same size": (plain["cut"], None),
        "same color": (plain["whole, colored"], None),
        "same size and color": (plain["cut, colored"], None),
        "same size, styles": (plain["cut"], styled["cut"]),
        "same size and color, styles": (plain["cut, colored"], styled["cut, colored"]),
    }
    return arms, classes, microscopes


def balanced(answers: np.ndarray, truth: np.ndarray) -> float:
    """Mean over kinds of the fraction that was told right."""
    return float(np.mean([(answers[truth == kind] == kind).mean() for kind in np.unique(truth)]))


def one_draw(
    found: tuple[Tensor, Tensor | None],
    classes: np.ndarray,
    microscopes: np.ndarray,
    seed: int,
    centered: bool,
    penalty: float = PENALTY,
) -> list[float]:
    """Balanced accuracy under the other and the same microscope, of one draw of examples."""
    rows, variants = found
    random = np.random.default_rng(seed)
    chosen = np.concatenate(
        [
            random.permutation(np.flatnonzero((microscopes == 1) & (classes == kind)))[:SHOTS]
            for kind in range(len(KINDS))
        ]
    )
    mean = rows[microscopes == 1].mean(0)
    items, labels = rows[chosen], torch.from_numpy(classes[chosen])
    if variants is not None:
        items = torch.cat([items, variants[chosen].flatten(0, 1)])
        labels = torch.cat([labels, labels.repeat_interleave(COPIES)])
    learner = Ridge(torch.nn.Identity(), penalty=penalty)
    with torch.no_grad():
        means = torch.stack([rows[microscopes == which].mean(0) if centered else mean for which in (1, 2)])
        asked = rows - means[torch.from_numpy(microscopes) - 1]
        answer = learner.adapt(Examples.of((items - mean)[None], labels))(asked[None])[0].argmax(1).numpy()
    others = (microscopes == 1) & ~np.isin(np.arange(len(classes)), chosen)
    return [balanced(answer[mask], classes[mask]) for mask in (microscopes == 2, others)]


def main() -> None:
    """Encode, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds white_cells/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    arms, classes, microscopes = prepared(options.root)
    rows, encoder, penalty = chosen(options.root)
    arms[CHOSEN] = (rows, None)

    def draw(arm: str, seed: int) -> list[float]:
        found, used = arms[arm.removesuffix(", centered")], penalty if arm == CHOSEN else PENALTY
        return one_draw(found, classes, microscopes, seed, "centered" in arm, used)

    values = {arm: np.array([draw(arm, seed) for seed in range(DRAWS)]) for arm in ARMS}
    results: dict[str, dict[str, object]] = {}
    for column, where in enumerate(("other microscope", "same microscope")):
        first, *rest = ARMS
        gaps = {arm: paired_difference(values[arm][None, :, column], values[first][None, :, column], 1) for arm in rest}
        corrected = dict(zip(rest, holm([gap.p_value for gap in gaps.values()]), strict=True))
        results[where] = {
            arm: {
                "accuracy": float(values[arm][:, column].mean()),
                "interval": mean_interval(values[arm][:, column], 0, 1),
            }
            | ({} if arm == first else {"difference": gaps[arm].as_dict() | {"p_holm": corrected[arm]}})
            for arm in ARMS
        }
        print(where, {arm: round(values[arm][:, column].mean(), 3) for arm in ARMS}, flush=True)
    counts = {f"microscope {which}": np.bincount(classes[microscopes == which]).tolist() for which in (1, 2)}
    about = {"kinds": KINDS, "cells": counts, "shots": SHOTS, "draws": DRAWS, "encoder": ENCODER, "penalty": PENALTY}
    about |= {"copies": COPIES, "chosen": {"encoder": encoder, "penalty": penalty}}
    write(NAME, {**about, "results": results})


if __name__ == "__main__":
    main()
