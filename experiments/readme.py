"""Write the README's seven results from the files in results/.

python experiments/readme.py
"""

import json
from pathlib import Path

from sections.cells import points, table

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
PIPELINES = ("few-shot standard", "affine", "RandAugment(2)", "CutMix")
"""The rows of the engine's table that the README shows; the page of results has all."""


def section() -> str:
    """The text between the README's marks."""
    names = (
        "omniglot_official",
        "fit_default",
        "fit",
        "few_tasks",
        "dagan_omniglot",
        "augment",
        "learners",
        "volumes",
        "class_names",
        "spoken_names",
        "rl_agents",
    )
    one_shot, fit, earlier, few, dagan, augment, learners, volumes, said, spoken, trained = (
        json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8")) for name in names
    )
    return "\n\n".join(
        (
            _one_shot(one_shot),
            _fit(fit, earlier),
            _names(said, spoken),
            _few_classes(few),
            _unseen_characters(dagan),
            _agents(trained),
            _speed(augment, learners, volumes),
        )
    )


def _one_shot(results: dict) -> str:
    part = results["parts"]["small1"]
    titles = {
        "+ composites": "one example, prototypes",
        "+ nearest of variants": "nearest of 64 augmented copies of each example",
        "deformation matching and nearest of variants": "the same, and matching by elastic deformation",
        f"ensemble of the {part['seeds']} seeds, nearest of variants and deformation matching": (
            f"the same, {part['seeds']} networks together"
        ),
    }
    rows = []
    for arm, title in titles.items():
        official, random = (part[runs]["arms"][arm] for runs in ("official", "random"))
        rows.append([title, _error(official), _error(random)])
    heads = ["", "error, official tests [95 % over tests]", "error, tests drawn at random"]
    whole = results["parts"]["background"]["official"]["arms"]
    nearest, together = (whole[arm]["error"] for arm in list(titles)[1:3])
    return "\n".join(
        (
            "**1. Omniglot's official one-shot test**, learned from the drawings of five alphabets alone "
            f"(20 ways, {part['seeds']} seeds). Errors on the same twenty tests: people 4.5 %; Bayesian program "
            "learning, which is trained on pen strokes, 4.2 % with five alphabets and 3.3 % with thirty; published "
            "prototypical networks 30.1 % and 13.7 % "
            "([sources, all arms](docs/results.md#omniglots-official-one-shot-test)). "
            "Nothing was tuned on these tests, but the last two rows were put together when the errors of their parts "
            "were known. Learned from all thirty alphabets (3 seeds), the second row errs in "
            f"{nearest:.1%} and the third in {together:.1%}. Tests of the same form with characters and drawers drawn "
            "at random are harder:\n",
            *table(heads, rows),
        )
    )


def _error(arm: dict) -> str:
    low, high = (f"{100 * max(end, 0):.1f}" for end in arm["interval"])
    return f"{arm['error']:.1%} [{low}, {high}]"


def _fit(results: dict, earlier: dict) -> str:
    pictures, every = results["summary_of_pictures"], results["summary"]
    rows = []
    for arm in ("fit, same encoder", "fit"):
        gains = [f"{100 * row[arm]['mean_gain']:+.1f}" for row in pictures.values()]
        rows.append([arm.replace("fit", "`fit`"), *gains])
    worst = [f"{100 * row['fit']['smallest_gain']:+.1f}" for row in pictures.values()]
    rows.append(["`fit`, worst set", *worst])
    rows.append(["`fit`, sentences as well", *(f"{100 * row['fit']['mean_gain']:+.1f}" for row in every.values())])
    sentences = sum(name.startswith("CLINC150") for name in results["sets"])
    least = min(row["fit"]["smallest_gain"] for row in every.values())
    xrays = earlier["sets"]["chest X-rays"].values()
    loss = max(row["logistic regression"]["accuracy"] - row["fit"]["accuracy"] for row in xrays)
    return "\n".join(
        (
            "**2. `fit` beside scikit-learn**: mean gain in points over LogisticRegressionCV on "
            f"EfficientNet-Lite0's features, {len(results['sets']) - sentences} sets of pictures, {results['draws']} "
            f"random draws of the examples (half as many from 10 on). The last row has {sentences} sets of sentences "
            "as well, on MiniLM's features and without the names of classes; there `fit` loses "
            f"{-100 * least:.1f} points at worst. Chest X-rays, on which an earlier run of four draws lost up to "
            f"{100 * loss:.1f} points, are not among them. The encoders and candidates that `fit` chooses among were "
            "drawn up on some of these ([details, losses, other runs](docs/results.md#fit-beside-scikit-learn)):\n",
            *table(["examples per class", *pictures], rows),
        )
    )


def _names(said: dict, spoken: dict) -> str:
    cases = (
        ("photographs, 5 ways (CIFAR-FS)", said["sets"]["cifar-fs"]["results"]["5 ways, 1 shots"], "name"),
        ("sentences, 20 ways (CLINC150)", said["sets"]["clinc150"]["results"]["20 ways, 1 shots"], "name"),
        ("spoken digits of new speakers, 10 ways", spoken["encoders"]["speech"]["1 shots"], "spoken name"),
        ("the same, encoded by Whisper", spoken["encoders"]["whisper"]["1 shots"], "spoken name"),
    )
    rows = []
    for title, result, arm in cases:
        accuracy = [f"{result['accuracy'][one]:.1%}" for one in ("shots alone", arm)]
        rows.append([title, *accuracy, points(result["against_shots_alone"][arm])])
    return "\n".join(
        (
            "**3. The name of a class as one more shot.** Names of photographs and sentences become features by a map "
            "that was fitted on other classes; names of sounds are spoken by a speech synthesizer. One example per "
            f"class, frozen encoders, {said['seeds']} seeds ([controls, and where it does not help]"
            "(docs/results.md#names-of-classes)):\n",
            *table(["classes", "one example", "and the name", "gain in points [95 %]"], rows),
        )
    )


def _few_classes(results: dict) -> str:
    rows = []
    for title, comparison in results["comparisons"].items():
        arms = comparison["suites"]["20 ways"]["arms"]
        turned = arms["turned classes"]
        accuracy = [f"{arm['accuracy']:.1%}" for arm in (arms["without"], turned)]
        rows.append([title.removesuffix(" classes"), *accuracy, points(turned["against_first"])])
    return "\n".join(
        (
            "**4. Few training classes: rotated and mirrored characters as new classes** (Omniglot, 20-way 1-shot, "
            "unseen alphabets, 3 seeds; [other methods](docs/results.md#few-tasks)):\n",
            *table(["training classes", "none", "with new classes", "gain in points [95 %]"], rows),
        )
    )


def _unseen_characters(results: dict) -> str:
    arms = ("nothing", "dagan", "augmented", "dagan and augmented")
    rows = []
    for shots, result in results["shots"].items():
        accuracy = [f"{result['accuracy'][arm]:.1%}" for arm in arms]
        rows.append([shots, *accuracy, points(result["difference"]["augmented"]["dagan and augmented"])])
    heads = ["drawings per class", "none", "DAGAN", "augmentation", "both", "both over augmentation [95 %]"]
    return "\n".join(
        (
            "**5. Generated drawings of characters that no model has seen** (classifiers of "
            f"{results['classes']} Omniglot characters, {results['seeds']} seeds; "
            "[details](docs/results.md#dagan-on-characters-never-seen)):\n",
            *table(heads, rows),
        )
    )


def _agents(results: dict) -> str:
    shown = (
        ("leap", "rollout: crop", "jump over obstacles, from pixels"),
        ("leap", "view: crop", "the same, shifted in the loss alone"),
        ("colors", "view: random-filter", "jump over obstacles in new colors"),
        ("point", "trial: turn mirror", "find a hidden goal, with a memory"),
        ("controls", "trial: controls", "reach a goal with controls turned by a hidden angle, with a memory"),
        ("rooms", "view: turn", "walk through new floor plans: a wrong view hurts"),
    )
    rows = []
    for name, plan, title in shown:
        without, augmented = (results[name]["arms"][arm] for arm in ("none", plan))
        worlds = results[name]["worlds"]
        solved = [f"{arm['held_out']:.0%}" for arm in (without, augmented)]
        counts = f"{worlds['training']} and {worlds['held_out']}"
        rows.append([title, counts, solved[0], f"{solved[1]} (`{plan}`)", points(augmented["against_none"])])
    numbers = sorted({len(results[name]["seeds"]) for name, _, _ in shown})
    seeds = " to ".join(map(str, dict.fromkeys((numbers[0], numbers[-1]))))
    heads = ["task", "training and held-out worlds", "none", "augmented", "gain in points [95 %]"]
    return "\n".join(
        (
            f"**6. Agents in worlds that they never saw** (held-out worlds solved, {seeds} seeds; "
            "[details](docs/results.md#agents)):\n",
            *table(heads, rows),
        )
    )


def _speed(augment: dict, learners: dict, volumes: dict) -> str:
    rows = [[name, *(f"{ratio:.1f}" for ratio in augment["ratios"][name].values())] for name in PIPELINES]
    fastest = [min(ratios.values()) for ratios in learners["ratios"].values()]
    return "\n".join(
        (
            "**7. Speed.** How many times as fast as the faster of Albumentations 2.0.8 and kornia 0.9: uint8 images, "
            "one core ([all pipelines](docs/results.md#the-engine)):\n",
            *table(["pipeline", *next(iter(augment["ratios"].values()))], rows),
            "",
            f"Affine and elastic deformation of volumes is {_volumes(volumes, '48'):.1f} times as fast as the fastest "
            f"of TorchIO, MONAI and batchgeneratorsv2 at 48 voxels a side, {_volumes(volumes, '128'):.0f} times at "
            f"128 ([scans](docs/medical.md)); a second-order MAML step is {min(fastest):.1f} to {max(fastest):.1f} "
            "times as fast as the fastest of learn2learn, higher and a plain loop "
            "([table](docs/results.md#second-order-maml)).",
        )
    )


def _volumes(results: dict, side: str) -> float:
    """The fastest peer's time divided by ours."""
    times = results["seconds"][side]["affine + elastic"]
    return min(seconds for name, seconds in times.items() if name != "manyshot") / times["manyshot"]


def main() -> None:
    """Replace what stands between the marks."""
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n\n{section()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
