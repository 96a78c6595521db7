"""Textures and shapes drawn by code: pictures without a licence to ask for, whose classes have a right answer."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 64
Random = np.random.Generator


def drawn(kind: str, per_class: int, classes: int, seed: int = 0) -> list[tuple[str, Image.Image]]:
    """Pictures of textures or shapes with their class.

    Args:
        kind: "textures" or "shapes".
        per_class: Pictures of a class.
        classes: Number of classes.
        seed: Seed.
    """
    draw = {"textures": _texture, "shapes": _shape}[kind]
    return [
        (f"{kind} {label}", draw(label, np.random.default_rng((seed, label)), np.random.default_rng((seed, label, i))))
        for label in range(classes)
        for i in range(per_class)
    ]


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return tuple(np.mgrid[0:SIDE, 0:SIDE].astype(np.float64) / SIDE)  # type: ignore[return-value]


def _smooth(random: Random, cells: int) -> NDArray[np.float64]:
    """Smooth noise from -1 to 1 with so many cells a side."""
    coarse = Image.fromarray(random.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32), "F")
    return np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).astype(np.float64)


def _texture(label: int, of_class: Random, random: Random) -> Image.Image:
    """A class is a pattern with its frequency, angle and two colors; a picture has its phase, light and dirt."""
    y, x = _grid()
    frequency, angle = of_class.uniform(3, 12), of_class.uniform(0, np.pi) + random.normal(0, 0.08)
    second = of_class.uniform(3, 12)
    colors = of_class.uniform(0, 1, (2, 3))
    phase, other = random.uniform(0, 1, 2)
    u = np.cos(angle) * x + np.sin(angle) * y
    v = -np.sin(angle) * x + np.cos(angle) * y
    waves: tuple[Callable[[], NDArray[np.float64]], ...] = (
        lambda: np.sin(2 * np.pi * (frequency * u + phase)),
        lambda: np.sign(np.sin(2 * np.pi * (frequency * u + phase))),
        lambda: np.sign(np.sin(2 * np.pi * (frequency * u + phase)) * np.sin(2 * np.pi * (second * v + other))),
        lambda: np.sin(2 * np.pi * (frequency * u + phase)) + np.sin(2 * np.pi * (second * v + other)),
        lambda: np.where((frequency * u + phase) % 1 < 0.5, np.sin(2 * np.pi * second * v), -1),
        lambda: _smooth(random, int(frequency)) * 2,
        lambda: np.sin(2 * np.pi * (frequency * u + phase + 0.6 * _smooth(random, 3))),
        lambda: np.sin(2 * np.pi * frequency * np.hypot(x - phase, y - other)),
        lambda: 1 - 2.0 * (np.hypot((frequency * u + phase) % 1 - 0.5, (frequency * v + other) % 1 - 0.5) < 0.3),
        lambda: np.abs(_smooth(random, int(second))) * 3 - 1,
    )
    pattern = np.clip((waves[label % len(waves)]() + 1) / 2, 0, 1)[..., None]
    picture = colors[0] * pattern + colors[1] * (1 - pattern)
    picture = picture * random.uniform(0.7, 1.2) + 0.12 * _smooth(random, 2)[..., None]
    picture += random.normal(0, random.uniform(0.01, 0.08), picture.shape)
    return Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8))


def _shape(label: int, of_class: Random, random: Random) -> Image.Image:
    """A class is an outline in polar coordinates; a picture has its place, size, angle, colors and filling."""
    corners, depth = 3 + label % 6, of_class.uniform(0, 0.6)
    wobble = of_class.uniform(-0.35, 0.35, 4)
    turns = np.linspace(0, 2 * np.pi, 2 * corners * 8, endpoint=False)
    radius = 1 - depth * (0.5 + 0.5 * np.cos(corners * turns))
    if label % 2:
        radius = radius + sum(w * np.cos((k + 1) * turns + k) for k, w in enumerate(wobble))
    turned = turns + random.normal(0, 0.25)
    size = random.uniform(0.22, 0.42) * 4 * SIDE
    stretch = np.exp(random.normal(0, 0.1))
    center = 4 * SIDE * (0.5 + random.uniform(-0.1, 0.1, 2))
    points = np.stack(
        [center[0] + size * stretch * radius * np.cos(turned), center[1] + size * radius * np.sin(turned)], 1
    )
    ink, paper = (tuple(int(c) for c in random.integers(0, 256, 3)) for _ in range(2))
    page = Image.new("RGB", (4 * SIDE, 4 * SIDE), paper)
    pen = ImageDraw.Draw(page)
    outline = [tuple(point) for point in points]
    if random.random() < 0.5:
        pen.polygon(outline, fill=ink)
    else:
        pen.line([*outline, *outline[:2]], fill=ink, width=int(random.uniform(8, 24)), joint="curve")
    return page.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
