"""Pack a few dozen pictures a class of every data set at hand, at 64 pixels, for `experiments/auto_tasks.py`.

    python experiments/auto_sets.py PACK.zip [--icons FOLDER]

FOLDER holds unpacked icon fonts (a `.ttf` and a `.css` each). Other data come from MANYSHOT_DATA.
"""

import argparse
import csv
import io
import os
import re
import wave
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from manyshot.datasets import load_dataset

SIDE = 64
Picture = tuple[str, Image.Image]


def few(
    pictures: Iterator[tuple[str, Callable[[], Image.Image]]],
    per_class: int,
    classes: int,
    least: int = 6,
    seed: int = 0,
) -> list[Picture]:
    """A random few of each of a random few classes; each is a function that opens it."""
    random = np.random.default_rng(seed)
    by_class = defaultdict(list)
    for label, opener in pictures:
        by_class[label].append(opener)
    names = sorted(name for name, found in by_class.items() if len(found) >= least)
    names = [names[i] for i in np.sort(random.permutation(len(names))[:classes])]
    return [(name, by_class[name][i]()) for name in names for i in random.permutation(len(by_class[name]))[:per_class]]


def in_zip(path: Path, pattern: str) -> Iterator[tuple[str, Callable[[], Image.Image]]]:
    """Pictures of a zip, whose class is the first group of a pattern on their names."""
    archive = zipfile.ZipFile(path)
    for name in archive.namelist():
        if found := re.search(pattern, name):
            yield found.group(1), lambda name=name: Image.open(io.BytesIO(archive.read(name)))


def in_source(
    name: str, split: str | None = None, size: int | None = None
) -> Iterator[tuple[str, Callable[[], Image.Image]]]:
    """Pictures of a data set of the library."""
    source = load_dataset(name, split, size=size)
    for row, label in enumerate(source.labels):
        yield (
            str(source.class_names[label]),
            lambda row=row: Image.fromarray(np.asarray(source.gather(np.array([row])))[0, 0]),
        )


def white_cells(root: Path) -> Iterator[tuple[str, Callable[[], Image.Image]]]:
    """Whole white blood cells of the first microscope."""
    with (root / "white_cells/classes.csv").open(newline="") as file:
        classes = {Path(row[0]).stem: row[2] for row in list(csv.reader(file))[1:]}
    for name, opener in in_zip(root / "white_cells/cells.zip", r"images/(d1_[^/]+)\.png$"):
        if name in classes:
            yield classes[name], opener


def spoken_digits(root: Path) -> Iterator[tuple[str, Callable[[], Image.Image]]]:
    """Spectrograms: 64 bands up to 4 kHz, 64 moments, logarithmic."""
    archive = zipfile.ZipFile(root / "fsdd/recordings.zip")

    def draw(name: str) -> Image.Image:
        with wave.open(io.BytesIO(archive.read(name))) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16).astype(np.float64)
        samples = np.pad(samples, (0, max(0, 512 - len(samples))))
        starts = np.linspace(0, len(samples) - 256, SIDE).astype(int)
        frames = samples[starts[:, None] + np.arange(256)] * np.hanning(256)
        power = np.log10(np.abs(np.fft.rfft(frames, axis=1))[:, 1:129].reshape(SIDE, SIDE, 2).mean(2) + 1)
        scaled = (power - power.min()) / (np.ptp(power) + 1e-9)
        return Image.fromarray((scaled.T[::-1] * 255).astype(np.uint8))

    for name in archive.namelist():
        if found := re.search(r"(\d)_\w+_\d+\.wav$", name):
            yield found.group(1), lambda name=name: draw(name)


def icons(root: Path) -> Iterator[tuple[str, Callable[[], Image.Image]]]:
    """Icons of one meaning in several fonts; a font's style sheet says what its characters are called."""
    ending = r"-(outline|fill|line|filled|sharp|solid)$"
    for package in sorted(root.iterdir()):
        codes = {}
        for sheet in package.rglob("*.css"):
            text = sheet.read_text(errors="ignore")
            codes.update(re.findall(r"\.([a-z][\w-]+):{1,2}before\s*\{\s*content:\s*\"\\([0-9a-f]+)\"", text))
            codes.update(re.findall(r"\.(fa-[\w-]+)\s*\{\s*--fa:\s*\"\\([0-9a-f]+)\"", text))
        fonts = {font.name: font for font in package.rglob("*.ttf") if not re.search("brands|200|300|v4", font.name)}
        for font in fonts.values():
            known = TTFont(font, lazy=True).getBestCmap()
            for name, code in sorted(codes.items()):
                if int(code, 16) in known:
                    meaning = re.sub(r"^(bi|bxs|bx|fa|ion-md|ion-ios|la|icon|mdi|ri|ti)-", "", name)
                    meaning = re.sub(ending, "", re.sub(ending, "", meaning))
                    yield meaning, lambda font=font, code=code: draw_icon(font, chr(int(code, 16)))


def draw_icon(font: Path, letter: str) -> Image.Image:
    """White on black, as large as the font has it."""
    pen = ImageFont.truetype(str(font), 100)
    page = Image.new("L", (128, 128), 0)
    left, top, right, bottom = pen.getbbox(letter)
    ImageDraw.Draw(page).text((64 - (left + right) / 2, 64 - (top + bottom) / 2), letter, fill=255, font=pen)
    return page


def collect(root: Path, icon_fonts: Path | None) -> dict[str, list[Picture]]:
    """Every set by name."""
    sets = {
        "MNIST": few(in_source("mnist", "train"), 60, 10),
        "digits": few(in_source("digits"), 60, 10),
        "emoji": few(in_zip(root / "emoji/images.zip", r"([^/]+)/[^/]+\.png$"), 7, 320),
        "CIFAR-FS": few(in_zip(root / "cifar_fs/images.zip", r"[a-z]+/([^/]+)/[^/]+png$"), 36, 80),
        "blood cells": few(in_zip(root / "blood_cells/images.zip", r"([^/]+)/d1_[^/]+\.png$"), 60, 5),
        "white cells": few(white_cells(root), 60, 5),
        "MedNIST": few(in_zip(root / "mednist/images.zip", r"([^/]+)/[^/]+\.jpe?g$"), 60, 6),
        "chest X-rays": few(in_zip(root / "chest_xray/images.zip", r"([^/]+)/[^/]+\.jpeg$"), 80, 3),
        "skin lesions": few(in_zip(root / "ham10000/images.zip", r"([^/]+)/[^/]+\.jpg$"), 50, 7),
        "spoken digits": few(spoken_digits(root), 60, 10),
    }
    for script in ("latin", "cyrillic", "greek", "armenian", "georgian"):
        sets[f"glyphs {script}"] = few(in_source("glyphs", script, SIDE), 24, 30, least=6)
    if icon_fonts:
        sets["icons"] = few(icons(icon_fonts), 12, 120, least=9)
    names = [
        name
        for name, _ in in_zip(root / "omniglot/images_background.zip", r"images_background/([^/]+)/character\d+/.*png$")
    ]
    for alphabet in sorted(set(names)):
        pattern = re.escape(alphabet) + r"/(character\d+)/.*png$"
        sets[f"Omniglot {alphabet}"] = few(in_zip(root / "omniglot/images_background.zip", pattern), 20, 14)
    return sets


def packed(picture: Image.Image) -> tuple[bytes, str]:
    """A picture at 64 pixels as a small file: without loss if that is small."""
    if picture.mode == "1":  # ink and paper take the least room as they are
        file = io.BytesIO()
        picture.save(file, "PNG", optimize=True)
        return file.getvalue(), "png"
    if picture.mode in ("RGBA", "LA", "P"):
        picture = picture.convert("RGBA")
        page = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(page, picture)
    picture = picture.convert("L" if picture.mode in ("1", "L") else "RGB")
    if min(picture.size) > SIDE:
        picture = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    lossless, lossy = io.BytesIO(), io.BytesIO()
    picture.save(lossless, "PNG", optimize=True)
    picture.save(lossy, "JPEG", quality=93, subsampling=0)
    return (lossless.getvalue(), "png") if lossless.tell() < 1.3 * lossy.tell() else (lossy.getvalue(), "jpg")


def main() -> None:
    """Write the pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--icons", type=Path)
    given = parser.parse_args()
    root = Path(os.environ["MANYSHOT_DATA"])
    with zipfile.ZipFile(given.pack, "w") as archive:
        for name, pictures in collect(root, given.icons).items():
            size = 0
            for number, (label, picture) in enumerate(pictures):
                data, suffix = packed(picture)
                size += len(data)
                archive.writestr(f"{name}/{label}/{number:04d}.{suffix}", data)
            classes = len({label for label, _ in pictures})
            print(f"{name}: {len(pictures)} pictures of {classes} classes, {size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
