"""Families of tasks that ask for different augmentation: does a policy that sees the support know which?

Four families of 4-way tasks from printed letters that ship with this package's dependencies. Turns keep the class in
one and make it in another, where two classes are the same letter, a quarter turn apart; the same for colors. A learner
(ridge on Conv4) is trained on tasks of all families, then policies that may spin or recolor made shots, on other
letters, by which settings were chosen, too. They are judged on letters that fewer faces have: nothing was trained on
them or chosen by them. What a policy sees is the support alone, never the family. Writes
results/task_families.json and the picture docs/images/task_families.png.

    python experiments/task_families.py
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import matplotlib as mpl
import numpy as np
import torch
from run_and_record import write
from torch import Tensor

from manyshot.augment import Plan
from manyshot.augment.image import Affine
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.learners import Ridge
from manyshot.learners.ridge import ridge_solve, with_one
from manyshot.meta_augment import AUGMENTERS, LearnedAugmenter
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.policy import OpPolicy, Policy
from manyshot.meta_augment.reinforce import Reinforce
from manyshot.nets import Conv4
from manyshot.tasks import Episode, EpisodeSampler, Examples, Source
from manyshot.training import Settings, fit
from manyshot.training.seed_intervals import paired_difference

FAMILIES = ("angle kept", "angle decides", "color kept", "color decides")
WAYS, SHOTS, COPIES = 4, 2, 8
QUERIES, TEST_QUERIES = 3, 2
SPIN, RECOLOR = "affine(180, 1, 0, 0)", "hue(0.5)"
FIXED = {
    "nothing": "none",
    "spin": f"shots: {COPIES} x {SPIN}",
    "spin, weight 0.3": f"shots: {COPIES} x {SPIN} weight 0.3",
    "spin, weight 0.1": f"shots: {COPIES} x {SPIN} weight 0.1",
    "turn up to 90 degrees, weight 0.1": f"shots: {COPIES} x affine(90, 1, 0, 0) weight 0.1",
    "recolor": f"shots: {COPIES} x {RECOLOR}",
    "recolor, weight 0.1": f"shots: {COPIES} x {RECOLOR} weight 0.1",
    "recolor a little, weight 0.1": f"shots: {COPIES} x hue(0.1) weight 0.1",
    "spin and recolor, weight 0.1": f"shots: {COPIES} x {SPIN} {RECOLOR} weight 0.1",
    "gentle": f"shots: {COPIES} x affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)",
    "trivialaugment": f"shots: {COPIES} x trivialaugment",
}
LEARNED = {"one policy for all": "context_free({ops})", "policy by the support": "policy({ops})"}
RATE = 1e-2
GRADIENT = Reinforce("flipped")
OPS = "spin-recolor"
PROBED = 400
"""Tasks that a probe is fitted to, and as many that it is asked about."""
ENCODER = Settings(steps=500, meta_batch_size=4, learning_rate=2e-3)


@dataclass(frozen=True)
class Families:
    """Numbered tasks, of each family in turn, or of one.

    Args:
        source: letters, gray.
        seed: names the stream of tasks.
        only: the one family.
        queries: a class.
    """

    source: Source
    seed: int
    only: str | None = None
    queries: int = QUERIES

    def batch(self, first: int, count: int) -> Episode:
        """Tasks number `first` to `first + count - 1`."""
        tasks = [self.task(number) for number in range(first, first + count)]
        support, query = (_together([getattr(task, side) for task in tasks]) for side in ("support", "query"))
        return Episode(support, query, torch.cat([task.classes for task in tasks]))

    def task(self, number: int) -> Episode:
        """One task. Where turns or colors decide, it has two letters, each as two classes."""
        what, how = (self.only or FAMILIES[number % len(FAMILIES)]).split()
        classes = 2 if how == "decides" else 1
        sampler = EpisodeSampler(self.source, WAYS // classes, classes * SHOTS, classes * self.queries, seed=self.seed)
        letters = sampler.batch(number, 1).as_float()
        draws = generator(self.seed, "family", number)
        # Of a class where it decides: two of the four quarters, another two for the other letter.
        quarters = torch.stack([torch.randperm(4, generator=draws)[:2] for _ in range(2)]).flatten() / 4
        angle, hue = torch.zeros(WAYS), torch.rand((), generator=draws).expand(WAYS)
        if how == "decides":
            angle, hue = (quarters, hue) if what == "angle" else (angle, hue + quarters)

        def side(gray: Examples, each: int) -> Examples:
            label = torch.arange(WAYS).repeat_interleave(each)
            free = torch.rand(len(label), generator=draws)
            turned = free if (what, how) == ("angle", "kept") else angle[label]
            painted = free if (what, how) == ("color", "kept") else hue[label]
            images = colored(turn(gray.items[0], 360 * turned), painted)
            return Examples.of(images[None], label)

        return Episode(side(letters.support, SHOTS), side(letters.query, self.queries), torch.arange(WAYS)[None])


def turn(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn each image by its own angle."""
    zero = torch.zeros(len(images))
    params = {"degrees": degrees, "scale": zero + 1, "shear": zero, "shift": torch.zeros(len(images), 2)}
    return Affine().apply(images, params)


def colored(images: Tensor, hue: Tensor) -> Tensor:
    """Gray images in a color each; a hue of 1 is that of 0."""
    phase = hue[:, None] + torch.tensor([0, 1 / 3, 2 / 3])
    return images * (0.55 + 0.45 * (2 * torch.pi * phase).cos())[..., None, None]


def _together(parts: list[Examples]) -> Examples:
    return Examples(
        *(torch.cat([getattr(part, n) for part in parts]) for n in ("items", "labels", "weight", "class_mask"))
    )


def main() -> None:
    """Train, judge, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=90, help="of a policy")
    parser.add_argument("--tasks", type=int, default=60, help="to judge on, of each family")
    parser.add_argument("--width", type=int, default=16, help="channels of the encoder's layers")
    options = parser.parse_args()
    letters = load_dataset("glyphs", split="all", size=28)
    known = letters.subset(at_least=2 * (SHOTS + QUERIES))
    for_learner, for_policy, _ = known.split([0.5, 0.3, 0.2], seed=0)
    for_test = letters.subset(set(letters.class_names) - set(known.class_names), at_least=2 * (SHOTS + TEST_QUERIES))
    tests = {family: Families(for_test, 2000, family, TEST_QUERIES) for family in FAMILIES}
    accuracy: dict[str, list] = {}
    seconds: dict[str, float] = {}
    chosen, output = [], []
    for seed in range(options.seeds):
        learner = trained_learner(for_learner, options.width, seed, seconds)
        arms = {name: Plan(text) for name, text in FIXED.items()}
        for name in LEARNED:
            arms[name] = trained_plan(name, learner, Families(for_policy, 100 + seed), options.steps, seed, seconds)
        arms["policy by another family's support"] = arms["policy by the support"]
        for name, plan in arms.items():
            other = "another" in name
            result = [judged(learner, plan, tests, family, options.tasks, other) for family in FAMILIES]
            accuracy.setdefault(name, []).append(result)
            print(seed, name, [round(100 * float(each.mean()), 1) for each in result], flush=True)
        policy = arms["policy by the support"].augmenter
        chosen.append(choices(policy, tests))
        output.append(families_recognized(policy, Families(for_policy, 100 + seed), tests))
        print(chosen[-1], output[-1], flush=True)
    draw(policy, tests)
    by_arm = {name: np.array(result) for name, result in accuracy.items()}  # [seeds, families, tasks]
    write(
        "task_families",
        {
            "command": "python experiments/task_families.py",
            "families": FAMILIES,
            "ways": WAYS,
            "shots": SHOTS,
            "copies": COPIES,
            "seeds": options.seeds,
            "steps": options.steps,
            "tasks_a_family": options.tasks,
            "letters": {"learner": _count(for_learner), "policy": _count(for_policy), "test": _count(for_test)},
            "encoder": f"conv4, {options.width} channels",
            "plans": FIXED,
            "ops": OPS,
            **compared(by_arm),
            "chosen": chosen,
            "families_recognized_by_a_linear_probe_of": output,
            "cpu_seconds": seconds,
        },
    )


def trained_learner(source: Source, width: int, seed: int, seconds: dict[str, float]) -> Ridge:
    """The learner of a seed, trained on tasks of all families and frozen; its CPU seconds are added to `seconds`."""
    torch.manual_seed(seed)
    learner = Ridge(Conv4(3, 28, widths=(width,) * 4))
    began = process_time()
    fit(learner, Families(source, seed), replace(ENCODER, seed=seed))
    seconds["learner"] = seconds.get("learner", 0) + process_time() - began
    return learner.eval().requires_grad_(False)


def trained_plan(name: str, learner: Ridge, tasks: Families, steps: int, seed: int, seconds: dict[str, float]) -> Plan:
    """The plan of a learned arm, trained through the learner; its CPU seconds are added to `seconds`."""
    began = process_time()
    augmenter = AUGMENTERS.parse(LEARNED[name].format(ops=OPS)).build(shape=(3, 28, 28))
    settings = Settings(steps, meta_batch_size=24, learning_rate=RATE, warmup_steps=20, seed=seed)
    if isinstance(augmenter, Policy):
        augmenter.fit_statistics_on(tasks.batch(0, 80).support)
    objective = AugmenterObjective(GRADIENT)
    fit(AugmentedLearner(learner, augmenter, 4), tasks, settings, objective=objective, title=f"{name}, seed {seed}")
    seconds[name] = seconds.get(name, 0) + process_time() - began
    return Plan(f"shots: {COPIES} x learned").with_augmenter(augmenter.eval())


def compared(by_arm: dict[str, np.ndarray]) -> dict[str, object]:
    """Accuracy of each arm, by family and by seed, and the differences of the conditioned policy from the others."""
    policy = by_arm["policy by the support"]
    return {
        "accuracy": {
            name: {
                "mixture": float(result.mean()),
                **{family: float(result[:, index].mean()) for index, family in enumerate(FAMILIES)},
                "by_seed": result.mean((1, 2)).tolist(),
            }
            for name, result in by_arm.items()
        },
        "best_without_context": max(
            (name for name in by_arm if "support" not in name), key=lambda name: by_arm[name].mean()
        ),
        "policy_minus": {
            name: paired_difference(_flat(policy), _flat(result)).as_dict()
            for name, result in by_arm.items()
            if name != "policy by the support"
        },
    }


def _count(source: Source) -> int:
    return len(source.class_names)


def _flat(found: np.ndarray) -> np.ndarray:
    return found.reshape(len(found), -1)


@torch.no_grad()
def judged(learner: Ridge, plan: Plan, tests: dict[str, Families], family: str, tasks: int, other: bool) -> np.ndarray:
    """The accuracy of each task.

    Args:
        learner: adapts.
        plan: its shots.
        tests: tasks of each family.
        family: to judge on.
        tasks: how many.
        other: whether the augmenter is shown the support of a task of another family instead, each in turn.
    """
    result = []
    for first in range(0, tasks, 20):
        episode, draws = tests[family].batch(first, 20), generator(0, "judge", first)
        if other:
            stranger = tests[FAMILIES[(FAMILIES.index(family) + 1 + first // 20 % 3) % 4]].batch(first, 20)
            generated = plan.augmenter.make(episode.support, COPIES, draws, context=stranger.support)
            support = episode.support.joined(generated)
        else:
            support = plan.apply(episode, draws).support
        answers = learner.adapt(support)(episode.query.items).argmax(-1)
        result.append((answers == episode.query.class_ids).double().mean(1))
    return torch.cat(result).numpy()


@torch.no_grad()
def choices(policy: LearnedAugmenter | None, tests: dict[str, Families]) -> dict[str, dict[str, float]]:
    """How often the policy uses each op, by family."""
    assert isinstance(policy, OpPolicy)
    result = {}
    for family, tasks in tests.items():
        chances = policy.settings(tasks.batch(0, 60).support)[0].sigmoid().mean((0, 1))
        result[family] = dict(zip(policy.ops, chances.tolist(), strict=True))
    return result


@torch.no_grad()
def families_recognized(
    policy: LearnedAugmenter | None, tasks: Families, tests: dict[str, Families]
) -> dict[str, float]:
    """The share of test tasks whose family a linear probe (ridge) tells from what the policy sees: by what tells it."""
    assert isinstance(policy, Policy)
    family = torch.eye(len(FAMILIES))[torch.arange(PROBED) % len(FAMILIES)]
    known = tasks.batch(0, PROBED).support
    asked = [each.batch(0, PROBED // len(FAMILIES)).support for each in tests.values()]
    result = {}
    for name, tell in (("filters", policy.conv_statistics), ("moments", policy.image_moments)):
        x = with_one(tell(known).mean(1))
        maps = ridge_solve(x, torch.ones(len(x)), family, torch.tensor(10.0))
        answers = torch.stack([(with_one(tell(support).mean(1)) @ maps).argmax(-1) for support in asked])
        result[name] = float((answers == torch.arange(len(FAMILIES))[:, None]).double().mean())
    return result


@torch.no_grad()
def draw(policy: LearnedAugmenter | None, tests: dict[str, Families]) -> None:
    """A row a family: the shots of two classes, what the policy made of them, and how often it uses each op."""
    mpl.use("agg")
    from matplotlib import pyplot as plt

    assert isinstance(policy, OpPolicy)
    figure, axes = plt.subplots(4, 2, figsize=(10, 5), width_ratios=(3.2, 1), layout="constrained")
    known = choices(policy, tests)
    for (family, tasks), (left, right) in zip(tests.items(), axes, strict=True):
        support = tasks.batch(3, 1).support
        generated = policy.make(support, COPIES, generator(0, "picture"))
        rows = []
        for item in (0, SHOTS):
            shots = support.items[0, item : item + SHOTS]
            rows.append(torch.cat([shots, torch.ones_like(shots[:1]), generated.items[0, item * COPIES :][:COPIES]]))
        left.imshow(torch.cat([torch.cat([*row], -1) for row in rows], 1).permute(1, 2, 0).clamp(0, 1))
        left.set_ylabel(family.replace(" ", "\n"), rotation=0, ha="right", va="center")
        left.set(xticks=[], yticks=[])
        right.barh([*known[family]], [*known[family].values()], color="tab:blue")
        right.set(xlim=(0, 1))
        right.invert_yaxis()
    axes[0, 0].set_title("two shots of two classes, and what the policy made of the first of each")
    axes[0, 1].set_title("how often it acts")
    folder = Path(__file__).resolve().parents[1] / "docs" / "images"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "task_families.png", dpi=80)


if __name__ == "__main__":
    main()
