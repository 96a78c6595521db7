"""Draw what the trainings of other experiments make, into docs/images.

python experiments/generator_pictures.py --root DATA
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from dagan_omniglot import MODELS, config_of
from gan_few_digits import SIZES
from run_and_record import RESULTS

from manyshot.base import quieten
from manyshot.datasets import load_dataset
from manyshot.generate.batches import as_floats
from manyshot.generate.generated_source import generate_classes
from manyshot.generate.generator_config import load_generator_sources
from manyshot.generate.generator_run import load_generator_run
from manyshot.samples.contact_sheet import SheetRow, draw_sheet

IMAGES = RESULTS.parent / "docs" / "images"
SHOWN, EACH, CELL = 12, 3, 56
"""Columns, rows of each model, and pixels of a picture."""


def characters(runs: Path, root: str) -> list[SheetRow]:
    """Characters that no model saw, another real drawing of each, and what each model makes of the first."""
    unseen = load_generator_sources(config_of("dagan", root, 0), "item").test
    at = unseen.starts[:-1][:: len(unseen.class_names) // SHOWN][:SHOWN]
    shown = as_floats(unseen.gather(at))
    rows = [SheetRow("shown", shown), SheetRow("another real one", as_floats(unseen.gather(at + 7)))]
    for name in MODELS:
        model = load_generator_run(runs / "dagan_omniglot" / f"{name}-0").model
        draws = torch.Generator().manual_seed(0)
        with torch.no_grad():
            rows += [SheetRow(name, model.sample(SHOWN, like=shown, generator=draws)) for _ in range(EACH)]
    return rows


def between(runs: Path, root: str) -> list[SheetRow]:
    """Classes between two characters."""
    source = load_generator_sources(config_of("dagan", root, 0), "item").training
    few = source.subset(classes=source.class_names[:: len(source.class_names) // SHOWN])
    new = generate_classes(load_generator_run(runs / "few_steps" / "dagan-0").model, few, EACH, SHOWN, 0)
    items = as_floats(new.gather(np.arange(len(new))))
    return [SheetRow(f"class {k + 1}", part) for k, part in enumerate(items.split(SHOWN))]


def few_digits(runs: Path) -> list[SheetRow]:
    """Digits by conditional games of few."""
    rows = []
    for size in SIZES:
        model, draws = load_generator_run(runs / "gan_few_digits" / f"{size}-0").model, torch.Generator().manual_seed(0)
        with torch.no_grad():
            generated = (model.sample(10, label=torch.arange(10), generator=draws) for _ in range(EACH))
            rows += [SheetRow(f"of {size} each", part) for part in generated]
    return rows


def digits(runs: Path, root: str) -> list[SheetRow]:
    """Real digits, and those of our DCGAN."""
    real = load_dataset("mnist", "train", root=root)
    at = np.linspace(0, len(real) - 1, EACH * SHOWN).astype(int)
    model = load_generator_run(runs / "gan_mnist" / "all-0").model
    with torch.no_grad():
        generated = model.sample(EACH * SHOWN, generator=torch.Generator().manual_seed(0))
    sets = {"real": as_floats(real.gather(at)), "dcgan": generated}
    return [SheetRow(name, part) for name, items in sets.items() for part in items.split(SHOWN)]


def main() -> None:
    """Draw all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds omniglot/ and mnist/")
    parser.add_argument("--runs", default="runs", help="the folder that holds their runs")
    parser.add_argument("names", nargs="*", help="of pictures; all if none is named")
    options = parser.parse_args()
    quieten(True)
    runs = Path(options.runs)
    drawn = {
        "dagan": lambda: characters(runs, options.root),
        "new-classes": lambda: between(runs, options.root),
        "gan-few-digits": lambda: few_digits(runs),
        "gan-mnist": lambda: digits(runs, options.root),
    }
    for name in options.names or drawn:
        picture = draw_sheet(drawn[name](), cell=CELL, paper=True)
        picture.convert("P", palette=1, colors=16).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
