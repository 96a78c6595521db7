"""Stage two on a real new task: white blood cells from 1 and 5 examples each, seen through another microscope.

An augmenter of features is trained on photographs (CIFAR-FS's training classes, its weights chosen by the validation
classes) over a frozen EfficientNet-Lite0, and then makes samples for five kinds of cells that nothing was trained or
chosen on. Examples come from the first microscope; accuracy is that on all cells of the second, and, to tell what is
due to the microscope, on the other cells of the first, each class counting alike. There is one basophil under the first
microscope, so that class has one example in either case. Writes results/blood_cells.json.

    python experiments/blood_cells.py --root DATA
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from run_and_record import write

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.datasets.image_folder import file_names
from manyshot.learners import Prototypes, Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.nets import ENCODERS
from manyshot.tasks import EpisodeSampler, Examples, Source
from manyshot.training import Settings, encode, fit, holm, mean_interval, paired_difference
from manyshot.training.evaluate import evaluate_tasks

ENCODER = "efficientnet-lite0(resolution=128)"
PHOTOGRAPHS = 20  # of each class of CIFAR-FS
COPIES = 4
DRAWS = 100  # of the examples
SEEDS = 3
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
FIXED = "flip turn affine(15, 1.1, 0.05, 0.05, padding_mode=border) stain_jitter brightness(0.1)"
PLANS = {"fixed plan": FIXED, "TrivialAugment": "trivialaugment"}
LEARNED = {
    "hallucinator": "hallucinator",
    "same network without noise": "hallucinator(noise_scale=0)",
    "learned noise": "embedding_noise",
    "learned shift": "shift",
}
SETTINGS = Settings(steps=400, meta_batch_size=2, learning_rate=2e-3, eval_every=100, validation_tasks=100)


def main() -> None:
    """Encode, train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=Path, help="the folder that holds cifar_fs/ and blood_cells/")
    options = parser.parse_args()
    encoder = ENCODERS.build(ENCODER, channels=3, size=32, norm="batch")
    training, validation = (_photographs(options.root, split, encoder) for split in ("train", "validation"))
    scale = float(training.store.norm(dim=1).mean())
    training, validation = (replace(source, store=source.store / scale) for source in (training, validation))
    examples, others, banks = _cells(options.root, encoder, scale)
    penalty = _best_penalty(validation)
    learner = Ridge(torch.nn.Identity(), penalty=penalty)

    augmenters: dict[str, list] = {name: [] for name in LEARNED}
    seconds: dict[str, float] = {}
    for name, text in LEARNED.items():
        began = time.process_time()
        for seed in range(SEEDS):
            augmenters[name].append(_trained(text, learner, training, validation, seed))
        seconds[name] = (time.process_time() - began) / SEEDS
    result = {}
    for shots in (1, 5):
        words = f"{shots} shot{'s' if shots > 1 else ''}"
        for name, of_others in ((f"{words}, other microscope", others), (f"{words}, same microscope", None)):
            result[name] = _told(_judged(shots, learner, augmenters, examples, of_others, banks))
    stage_two = _seconds_of_stage_two(augmenters["hallucinator"][0], examples)
    output = {"penalty": penalty, "draws": DRAWS, "seeds": SEEDS, "copies": COPIES, "encoder": ENCODER, "plans": PLANS}
    output |= {"augmenters": LEARNED, "steps": SETTINGS.steps, "cpu_seconds": seconds, "stage_two_seconds": stage_two}
    write("blood_cells", {**output, "queries": len(others), "left": len(examples), "results": result})
    for shots, arms in result.items():
        for name, one in arms.items():
            print(shots, name, f"{one['accuracy']:.3f}", one.get("against_nothing", {}).get("interval"))


def _photographs(root: Path, split: str, encoder: torch.nn.Module) -> Source:
    """Some photographs of each class of a part of CIFAR-FS, encoded."""
    source = load_dataset("cifar-fs", split, root=root)
    first = np.concatenate([np.arange(count) < PHOTOGRAPHS for count in source.counts])
    return encode(encoder, source.subset(items=first))


def _cells(root: Path, encoder: torch.nn.Module, scale: float) -> tuple[Source, Source, dict[str, torch.Tensor]]:
    """Cells of the first and second microscope, encoded, and changed pictures of the first: `[n, copies, d]` a plan."""
    archive = root / "blood_cells" / "images.zip"
    cells = load_dataset(archive)
    first = np.array([name.split("/")[-1].startswith("d1_") for name in file_names(archive)])
    near, far = cells.subset(items=first), cells.subset(items=~first)
    banks = {}
    for name, ops in PLANS.items():
        op = Plan(f"shots: {ops}").item_op()
        images = near.gather(np.arange(len(near))).float().div(255).repeat_interleave(COPIES, 0)
        changed = op.apply(images, op.sample(len(images), generator(0, "blood cells", name)))
        pixels = changed.clamp(0, 1).mul(255).round().to(torch.uint8)
        rows = np.arange(len(pixels))
        generated = encode(encoder, Source(pixels, rows, np.array([0, len(pixels)]), ("all",), name=name))
        banks[name] = generated.store.unflatten(0, (len(near), COPIES)) / scale
    encoded = [encode(encoder, source) for source in (near, far)]
    near, far = (replace(source, store=source.store / scale) for source in encoded)
    return near, far, banks


def _best_penalty(validation: Source) -> float:
    """The penalty of ridge that does best without augmentation, on photographs of the validation classes."""
    samplers = [EpisodeSampler(validation, ways=5, shots=shots, queries=10, seed=0) for shots in (1, 5)]
    scores = {
        penalty: sum(evaluate_tasks(Ridge(torch.nn.Identity(), penalty=penalty), s, 300).mean for s in samplers)
        for penalty in PENALTIES
    }
    return max(scores, key=scores.__getitem__)


def _trained(text: str, learner: Ridge, training: Source, validation: Source, seed: int):
    """An augmenter of photographs' features, with the weights that did best on the validation classes."""
    torch.manual_seed(seed)
    augmenter = AUGMENTERS.parse(text).build(shape=tuple(training.store.shape[1:]))
    _, head = learner.on_features()
    augmented = AugmentedLearner(head, augmenter, COPIES, seed)
    augmenter.fit_statistics(training)
    if any(weight.requires_grad for weight in augmenter.parameters()):
        tasks = EpisodeSampler(training, ways=5, shots=(1, 5), queries=10, seed=seed)
        held_out = EpisodeSampler(validation, ways=5, shots=(1, 5), queries=10, seed=0)
        fit(augmented, tasks, replace(SETTINGS, seed=seed), None, held_out, objective=AugmenterObjective(), title=text)
    return augmenter.eval()


@torch.no_grad()
def _judged(shots: int, learner: Ridge, augmenters: dict, near: Source, far: Source | None, banks: dict) -> dict:
    """By arm, `[seeds, draws]` accuracies, the mean over classes: on all of `far`, else on what is left of `near`."""
    arms: dict[str, list[list[float]]] = {}
    judged = near if far is None else far
    queries = judged.gather(np.arange(len(judged)))[None]
    truth = torch.from_numpy(judged.labels)

    def right(judge: torch.nn.Module, support: Examples, left: torch.Tensor) -> float:
        hits = (judge.adapt(support)(queries)[0].argmax(-1) == truth).double()
        return float(torch.stack([hits[left & (truth == c)].mean() for c in truth[left].unique()]).mean())

    def note(name: str, *by_seed: float) -> None:
        one = arms.setdefault(name, [[] for _ in range(SEEDS)])
        for seed, accuracy in enumerate(by_seed * SEEDS if len(by_seed) == 1 else by_seed):
            one[seed].append(accuracy)

    for draw in range(DRAWS):
        draws = np.random.default_rng([draw, shots])
        places = np.concatenate(
            [
                start + draws.permutation(count)[:shots]
                for start, count in zip(near.starts[:-1], near.counts, strict=True)
            ]
        )
        support = Examples.of(near.gather(places)[None], torch.from_numpy(near.labels[places]), len(near.class_names))
        left = torch.ones(len(truth), dtype=torch.bool)
        if far is None:
            left[places] = False
        note("nothing", right(learner, support, left))
        note("prototypes, nothing", right(Prototypes(torch.nn.Identity()), support, left))
        for name, bank in banks.items():
            generated = Examples(
                bank[places].flatten(0, 1)[None],
                support.labels.repeat_interleave(COPIES, 1),
                torch.full((1, COPIES * len(places)), 1 / COPIES),
                support.class_mask,
            )
            note(name, right(learner, support.joined(generated), left))
        for name, ones in augmenters.items():
            enlarged = [
                support.joined(one.make(support, COPIES, generator(seed, "judge", draw)))
                for seed, one in enumerate(ones)
            ]
            note(name, *(right(learner, every, left) for every in enlarged))
    return arms


def _told(accuracy: dict) -> dict:
    """Means, intervals over draws, and paired differences from nothing with Holm's correction."""
    arrays = {name: np.array(values) for name, values in accuracy.items()}
    others = [name for name in arrays if name != "nothing"]
    gaps = {name: paired_difference(arrays[name], arrays["nothing"]) for name in others}
    corrected = dict(zip(others, holm([gap.p_value for gap in gaps.values()]), strict=True))
    output = {}
    for name, values in arrays.items():
        output[name] = {"accuracy": float(values.mean()), "interval": list(mean_interval(values.mean(0)))}
        if name in gaps:
            output[name]["against_nothing"] = gaps[name].as_dict() | {"p_value_holm": corrected[name]}
    return output


def _seconds_of_stage_two(augmenter, near: Source) -> float:
    """What 20 samples of each class of a five-way task cost, the pictures' features aside."""
    places = near.starts[:-1]
    support = Examples.of(near.gather(places)[None], torch.arange(len(places)))
    began = time.perf_counter()
    with torch.no_grad():
        augmenter.make(support, 20, generator(0))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
