"""Draws one-shot runs in the layout of Omniglot's `all_runs.zip` from alphabets of the background set.

Each run shows 20 characters of one alphabet, drawn once by one person (training) and once by another (test). Settings
are chosen on such runs, so that the published ones stay for the last look.

    python experiments/one_shot_runs.py --root DATA/omniglot --without small1 --runs 60 --seed 7 --out choosing_runs.zip
"""

import argparse
import io
import random
import zipfile
from pathlib import Path

from manyshot.base.atomic_files import write_aside
from manyshot.datasets.omniglot import DRAWING, STEMS

WAYS = 20
Names = dict[str, dict[str, dict[str, str]]]  # alphabet, character, drawer: the drawing's name in the archive


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=Path, help="the folder that holds images_background.zip")
    parser.add_argument("--without", nargs="*", default=["small1"], help="splits whose alphabets are left out")
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    left_out = {alphabet for split in options.without for alphabet in _names(options.root, split)}
    names = _names(options.root, "background")
    alphabets = sorted(a for a, characters in names.items() if a not in left_out and len(characters) >= WAYS)
    chance = random.Random(options.seed)
    page = io.BytesIO()
    with _archive(options.root, "background") as source, zipfile.ZipFile(page, "w") as generated:
        for run in range(options.runs):
            alphabet = alphabets[run % len(alphabets)]
            characters = chance.sample(sorted(names[alphabet]), WAYS)
            one, other = chance.sample(sorted(names[alphabet][characters[0]]), 2)
            answers, order = [], chance.sample(range(WAYS), WAYS)
            for number, character in enumerate(characters):
                training, test = f"training/class{number + 1:02}.png", f"test/item{order[number] + 1:02}.png"
                for file, drawer in ((training, one), (test, other)):
                    generated.writestr(f"run{run + 1:03}/{file}", source.read(names[alphabet][character][drawer]))
                answers.append(f"run{run + 1:03}/{test} run{run + 1:03}/{training}")
            generated.writestr(f"run{run + 1:03}/class_labels.txt", "\n".join(answers) + "\n")
    with write_aside(options.out) as aside:
        aside.write_bytes(page.getvalue())
    print(f"{options.out}: {options.runs} runs of {len(alphabets)} alphabets")


def _archive(root: Path, split: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(root / f"{STEMS[split]}.zip")


def _names(root: Path, split: str) -> Names:
    result: Names = {}
    with _archive(root, split) as archive:
        for name in archive.namelist():
            *_, alphabet, character, drawing = ["", "", *name.split("/")]
            drawer = DRAWING.fullmatch(drawing)
            if drawer:
                result.setdefault(alphabet, {}).setdefault(character, {})[drawer[1]] = name
    return result


if __name__ == "__main__":
    main()
