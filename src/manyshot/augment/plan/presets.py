"""Plans with a name: good beginnings for a kind of picture or text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A named plan.

    Args:
        plan: its text.
        summary: one line on what it is for.
    """

    plan: str
    summary: str


_DEFORM = "affine(10, 1.2, 0.2, 0.1) elastic(0.07)"
_GENTLE = "affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)"
_CAMERA = "flip resized_crop(0.5) brightness(0.3) contrast(0.3) saturation(0.3) hue(0.05)"
_UPRIGHTLESS = "flip turn(fit=yes) affine(10, 1.1, 0.05, 0.05, edge=reflection)"

TEXT_PRESETS = {
    "eda": Preset(
        "shots: 4 x eda", "English texts: four variants, each by synonyms, insertion, swap or deletion of words"
    ),
    "aeda": Preset("shots: 4 x aeda", "texts: four variants with further punctuation, all words in their order"),
    "typing": Preset("shots: 4 x oneof(typos misspell case)", "English texts: four variants, typed in haste"),
    "chinese": Preset(
        "shots: 4 x oneof(swap_words delete_words aeda homophones)",
        "Chinese texts: four variants, by words swapped or left out, punctuation, or what sounds alike",
    ),
}
"""Those for texts."""

PRESETS = {
    "handwriting": Preset(
        f"task: turn flip; support+query: {_DEFORM} stroke(0.7, p=0.5)",
        "to train on letters: turned and mirrored letters as new ones; slant, size, place, wobble and pen of each item",
    ),
    "handwriting-test": Preset(
        f"shots: 256 x {_GENTLE}; query: 32 x {_GENTLE}",
        "to classify letters: deformed variants of support items to compare with, of query items to average over",
    ),
    "natural": Preset(
        f"support+query: {_CAMERA}",
        "photographs: mirrored, cropped, in another light",
    ),
    "medical": Preset(
        f"support+query: {_UPRIGHTLESS} brightness(0.1) contrast(0.1)",
        "scans and microscope pictures without an upright: turned, mirrored, mildly deformed; stains stay",
    ),
    "natural-policy": Preset(
        "support+query: flip resized_crop(0.5) trivialaugment",
        "photographs, with nothing to tune: mirrored, cropped, and one of fourteen moves at any strength",
    ),
    "query-cutmix": Preset(
        f"support: {_CAMERA}; query: {_CAMERA} cutmix(2)",
        "photographs, as Ni et al. 2021 found best of one placement: what is judged is cut together",
    ),
    "query-cutmix-turned": Preset(
        f"task: turn(p=0.67); support: {_CAMERA}; query: {_CAMERA} cutmix(2)",
        "photographs, their best pair: queries cut together, and half of the classes turned into new ones",
    ),
    "maxup-pool": Preset(
        f"task: turn(p=0.67); support: {_CAMERA} oneof(erase self_mix, p=0.3); "
        f"query: {_CAMERA} oneof(erase self_mix, p=0.3) cutmix(2, p=0.5)",
        "photographs, for the objective maxup: what each draw takes from their pool of methods",
    ),
    "shot-flip": Preset("shots: flip(1)", "photographs, to classify: their mirrored shots count as further shots"),
    "medical-slides": Preset(
        f"support+query: {_UPRIGHTLESS} stain_jitter(0.05) blur(0.7, p=0.3)",
        "pictures of stained slides: as medical, and stained in another laboratory",
    ),
    "medical-scans": Preset(
        "support+query: affine(10, 1.1, 0.05, 0.05) bias_field(0.2) foreground_gamma(1.3) ghosting(0.3, p=0.2)",
        "scans with an upright, bright on dark: mildly moved, unevenly received, with ghosts",
    ),
    **TEXT_PRESETS,
}
"""The presets by name; a name may stand as a plan. Those of one word are the few-shot standards."""
