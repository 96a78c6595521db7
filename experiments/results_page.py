"""Write docs/results.md, what the experiments have found, and its picture, from the files in results/.

python experiments/results_page.py
"""

import json
from pathlib import Path

from sections.against import against
from sections.agents import agents, peers
from sections.auto import auto, auto_encoders, auto_from_nothing, auto_tilts
from sections.cells import SURE
from sections.cifar_fs_long import cifar_fs_long
from sections.comparison import CURVE, comparison
from sections.demo import demo
from sections.engine import engine
from sections.features import feature_augmenters
from sections.few_tasks import curve
from sections.fit import fit, fit_auto, fit_calibration, fit_default, fit_interval, fit_learned_mix, fit_plain, unknown
from sections.fit_cost import fit_cost
from sections.generators import (
    cross_task,
    dagan_omniglot,
    digits_by_characters,
    flow_matching,
    gan_few_digits,
    gan_mnist,
    new_classes,
)
from sections.learners import learners
from sections.medical import (
    medical_cell_classes,
    medical_lesions,
    medical_microscopes,
    medical_no_image,
    medical_one_shot,
    medical_rare,
    xray_fit,
)
from sections.memorization import memorization
from sections.names_in_fit import fit_names, latent
from sections.new_task import blood_cells, new_task_cost
from sections.omniglot_challenge import omniglot_challenge
from sections.omniglot_official import omniglot_official
from sections.omniglot_small1 import omniglot_small1
from sections.parts import joint_or_apart, parts
from sections.policies import learned_challenge, learned_policy, task_families
from sections.sampling import sampling
from sections.soak import soak
from sections.sounds_and_names import (
    PICTURE,
    audio_speed,
    class_names,
    names_picture,
    sound_plans,
    sound_speakers,
    spoken_names,
)
from sections.texts import clinc150, natural_sentences, shards, text_speed, xquad_answers
from sections.three_levers import three_levers

from manyshot.compare.preset_comparisons import COMPARISONS
from manyshot.report.plots import svg

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "results.md"

LEAD = f"""\
# Results

Every figure on this page comes from a file in `results/`, which also holds the figures of each seed; the page is
written by `experiments/results_page.py`. How the figures are measured stands under
[comparisons](training.md#comparisons-with-a-name) and among the [benchmarks](../benchmarks/README.md).

All arms of a table were trained with the same seeds, on the same training tasks, and evaluated on the same test tasks.
A difference is against the first arm of its block, in points, with a 95 % interval that includes the training seed. It
is bold where the p-value is below {SURE} after correction for the number of arms (Holm 1979). An accuracy is the mean
over seeds, and CPU seconds are those of the trainings of all seeds together.
"""

SECTIONS = (
    (demo, "demo"),
    (fit, "fit"),
    (fit_plain, "fit_plain"),
    (fit_default, "fit_default"),
    (fit_learned_mix, "fit_learned_mix"),
    (fit_auto, "fit_auto"),
    (fit_interval, "fit_interval"),
    (fit_calibration, "fit_calibration"),
    (fit_cost, "fit_cost"),
    (fit_names, "fit_names"),
    (three_levers, "three_levers"),
    (unknown, "unknown"),
    (auto, "auto"),
    (auto_encoders, "auto_lite0", "auto_lite2", "auto_conv4"),
    (auto_tilts, "auto_tilts"),
    (auto_from_nothing, "auto_from_nothing"),
    (omniglot_official, "omniglot_official"),
    (omniglot_small1, "omniglot_small1"),
    *((comparison, name.replace("-", "_")) for name in COMPARISONS),
    (cifar_fs_long, "cifar_fs_long"),
    (memorization, "memorization"),
    (omniglot_challenge, "omniglot_challenge"),
    (learned_challenge, "learned_challenge"),
    (feature_augmenters, "feature_augmenters"),
    (latent, "latent"),
    (learned_policy, "learned_policy"),
    (task_families, "task_families"),
    (blood_cells, "blood_cells"),
    (new_task_cost, "new_task_cost"),
    (clinc150, "clinc150"),
    (xquad_answers, "xquad_answers"),
    (class_names, "class_names"),
    (spoken_names, "spoken_names"),
    (sound_speakers, "sound_speakers"),
    (sound_plans, "sound_plans"),
    (parts, "parts"),
    (joint_or_apart, "joint_or_apart"),
    (audio_speed, "audio_speed"),
    (natural_sentences, "natural_sentences"),
    (text_speed, "text_speed"),
    (gan_mnist, "gan_mnist"),
    (gan_few_digits, "gan_few_digits"),
    (dagan_omniglot, "dagan_omniglot"),
    (flow_matching, "flow_matching"),
    (cross_task, "cross_task"),
    (digits_by_characters, "digits_by_characters"),
    (new_classes, "new_classes"),
    (medical_one_shot, "medical_one_shot"),
    (medical_microscopes, "medical_microscopes"),
    (medical_cell_classes, "medical_cell_classes"),
    (medical_no_image, "medical_no_image"),
    (medical_lesions, "medical_lesions"),
    (medical_rare, "medical_rare"),
    (xray_fit, "xray_fit"),
    (soak, "soak"),
    (engine, "augment", "step_profile", "engine_profile"),
    (learners, "learners"),
    (against, "against"),
    (sampling, "sampling"),
    (shards, "shards"),
    (agents, "rl_agents"),
    (peers, "rl_peers"),
)
"""What writes each section, in their order, and the files in results/ that it is written from."""


def page(results: Path = ROOT / "results") -> str:
    """The page, with a section for each experiment whose files are there.

    Args:
        results: the folder of the files, `NAME.json` each.
    """
    sections = []
    for write, *names in SECTIONS:
        files = [results / f"{name}.json" for name in names]
        if all(file.exists() for file in files):
            sections.append(write(*(json.loads(file.read_text(encoding="utf-8")) for file in files)))
    return "\n".join((LEAD, *sections))


def main() -> None:
    """Write the page and its picture."""
    PAGE.write_text(page(), encoding="utf-8")
    few = ROOT / "results" / "few_tasks.json"
    if few.exists():
        picture = ROOT / "docs" / "images" / CURVE
        picture.write_bytes(svg(curve(json.loads(few.read_text(encoding="utf-8")))))
    named, spoken = (ROOT / "results" / f"{name}.json" for name in ("class_names", "spoken_names"))
    if named.exists():
        said = json.loads(spoken.read_text(encoding="utf-8")) if spoken.exists() else None
        picture = names_picture(json.loads(named.read_text(encoding="utf-8")), said)
        (ROOT / "docs" / "images" / PICTURE).write_bytes(svg(picture))


if __name__ == "__main__":
    main()
