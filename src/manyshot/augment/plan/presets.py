"""Named plans: good starting points for a kind of image or text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A named plan.

    Args:
        plan: Its text.
        summary: One line on what it is for.
    """

    plan: str
    summary: str


_DEFORM = "affine(10, 1.2, 0.2, 0.1) elastic(0.07)"
_GENTLE = "affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)"
_CAMERA = "flip resized_crop(0.5) brightness(0.3) contrast(0.3) saturation(0.3) hue(0.05)"
_UPRIGHTLESS = "flip turn(fit=yes) affine(10, 1.1, 0.05, 0.05, padding_mode=reflection)"

TEXT_PRESETS = {
    "reword": Preset("shots: 4 x reword", "English and Chinese texts: four variants that say the same in other words"),
    "eda": Preset(
        "shots: 4 x eda", "English texts: four variants, each by synonyms, insertion, swap or deletion of words (EDA)"
    ),
    "aeda": Preset("shots: 4 x aeda", "texts: four variants with inserted punctuation; the words keep their order"),
    "typing": Preset("shots: 4 x oneof(typos misspell case)", "English texts: four variants with typing errors"),
    "chinese": Preset(
        "shots: 4 x oneof(swap_words delete_words aeda homophones)",
        "Chinese texts: four variants, by swapped or deleted words, punctuation, or homophones",
    ),
}
"""The presets for texts by name."""

VOLUME_PRESETS = {
    "mri-volume": Preset(
        "support+query: affine3(10, 1.1, 0.05, 0.05) elastic3(0.04) bias_field3(0.3) gamma(1.3) rician(0.03) "
        "anisotropy3(p=0.2) ghosting3(p=0.1)",
        "magnetic resonance volumes: moved, bent, unevenly bright, other contrast, thick slices, ghosts, noise",
    ),
}
"""The presets for volumes by name."""

PRESETS = {
    "handwriting": Preset(
        f"task: turn flip; support+query: {_DEFORM} stroke(0.7, p=0.5)",
        "training on letters: turned and mirrored letters as new classes; slant, size, position and stroke of each",
    ),
    "handwriting-test": Preset(
        f"shots: 256 x {_GENTLE}; query: 32 x {_GENTLE}",
        "classifying letters: deformed variants of support items to compare with, of query items to average over",
    ),
    "natural": Preset(
        f"support+query: {_CAMERA}",
        "photographs: mirrored, cropped, with other lighting",
    ),
    "medical": Preset(
        f"support+query: {_UPRIGHTLESS} brightness(0.1) contrast(0.1)",
        "scans and micrographs without an orientation: rotated, mirrored, mildly deformed; stains stay",
    ),
    "natural-policy": Preset(
        "support+query: flip resized_crop(0.5) trivialaugment",
        "photographs, with nothing to tune: mirrored, cropped, and TrivialAugment",
    ),
    "query-cutmix": Preset(
        f"support: {_CAMERA}; query: {_CAMERA} cutmix(2)",
        "photographs, the best single placement of Ni et al. 2021: CutMix of queries",
    ),
    "query-cutmix-turned": Preset(
        f"task: turn(p=0.67); support: {_CAMERA}; query: {_CAMERA} cutmix(2)",
        "photographs, their best pair: CutMix of queries, and half of the classes rotated into new ones",
    ),
    "maxup-pool": Preset(
        f"task: turn(p=0.67); support: {_CAMERA} oneof(erase self_mix, p=0.3); "
        f"query: {_CAMERA} oneof(erase self_mix, p=0.3) cutmix(2, p=0.5)",
        "photographs, for the objective maxup: the pool of methods of Ni et al. 2021",
    ),
    "shot-flip": Preset("shots: flip(1)", "classifying photographs: mirrored shots as additional shots"),
    "medical-slides": Preset(
        f"support+query: {_UPRIGHTLESS} stain_jitter(0.05) blur(0.7, p=0.3)",
        "images of stained slides: as medical, with the stain of another laboratory",
    ),
    "medical-scans": Preset(
        "support+query: affine(10, 1.1, 0.05, 0.05) bias_field(0.2) foreground_gamma(1.3) ghosting(0.3, p=0.2)",
        "scans with an orientation, bright on dark: mildly moved, with bias fields and ghosting",
    ),
    "ct": Preset(
        "support+query: affine(10, 1.1, 0.05, 0.05) contrast(0.1) noise(0.03, p=0.5) blur(0.7, p=0.3)",
        "slices of computed tomography: mildly moved, never mirrored; gray values, which are calibrated, hardly change",
    ),
    "xray": Preset(
        "support+query: affine(7, 1.1, 0.05, 0.05) gamma(1.3) contrast(0.2) noise(0.03, p=0.5) characters(0.1, p=0.2)",
        "X-rays: mildly moved and never mirrored, other exposures, burnt-in characters that say nothing of the class",
    ),
    **VOLUME_PRESETS,
    "dermoscopy": Preset(
        f"support+query: {_UPRIGHTLESS} brightness(0.2) contrast(0.2) saturation(0.2) hue(0.02) black_corner(p=0.2) "
        "bubbles(p=0.1) ink(p=0.1)",
        "pictures of skin through a dermatoscope: no orientation, other light, black corners, bubbles and ink",
    ),
    "histology": Preset(
        f"support+query: {_UPRIGHTLESS} stain_jitter(0.1) stain_style(p=0.3) blur(0.7, p=0.3)",
        "tissue stained with hematoxylin and eosin: no orientation, stains and scanners of other laboratories",
    ),
    "microscopy": Preset(
        "support+query: flip turn(fit=yes) affine(20, 1.3, 0.05, 0.05, padding_mode=reflection) brightness(0.2) "
        "contrast(0.2) stain_jitter(0.1) noise(0.03, p=0.3) blur(1, p=0.3)",
        "cells: no orientation, other sizes, other light and stain, out of focus",
    ),
    **TEXT_PRESETS,
}
"""The presets by name; a name can be used as a plan."""
