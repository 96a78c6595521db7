"""What the spoken name of a class is worth as shots: digits by one person, queries by others.

The shots of a task are k recordings of each digit by one person of FSDD; queries are by other people. The names are
said by espeak-ng in twelve voices. The weight of the names is chosen on three people, for each number of shots, and
judged on the other three; then the other way round. Beside them: names of other digits, the names alone, and as many
augmented copies of the shots. Writes results/spoken_names.json.

    python experiments/spoken_names.py --root DATA [--encoders speech whisper] [--quick]
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from run_and_record import RESULTS, write

from manyshot.augment import Plan
from manyshot.base import read_json
from manyshot.datasets import load_dataset
from manyshot.learners import LEARNERS, Learner
from manyshot.meta_augment.spoken_names import SpokenNames
from manyshot.nets import ENCODERS
from manyshot.tasks import Episode, Source
from manyshot.tasks.task_indices import TaskIndices
from manyshot.training import encode, evaluate, holm, paired_difference
from manyshot.training.class_texts import say
from manyshot.training.name_probe import names_of_others

VOICES, QUERIES, SHOTS = 12, 2, (1, 5)
WEIGHTS = (0.3, 1.0, 3.0, 10.0)
HEAD = "probe"
PLAN = "speed(1.15) hiss(10, 40, 1) bandpass"
ARMS = ("shots alone", "spoken name", "name of another digit", "name alone", "augmented copies")


def tasks(source: Source, people: list[int], shots: int, count: int, seed: int) -> TaskIndices:
    """Ten digits: shots by one person, queries by the others, two a digit and person."""
    draws = np.random.default_rng(seed)
    author, label = source.authors_of_rows, source.labels
    assert author is not None
    by = {(digit, who): np.flatnonzero((label == digit) & (author == who)) for digit in range(10) for who in people}
    support, query = [], []
    for number in range(count):
        own = people[number % len(people)]
        others = [who for who in people if who != own]
        support.append([draws.choice(by[digit, own], shots, replace=False) for digit in range(10)])
        query.append(
            [
                np.concatenate([draws.choice(by[digit, who], QUERIES, replace=False) for who in others])
                for digit in range(10)
            ]
        )
    classes = np.tile(np.arange(10), (count, 1))
    return TaskIndices(classes, np.array(support), np.array(query))


def augmented(source: Source, encoder: torch.nn.Module) -> torch.Tensor:
    """Features of three changed copies of each recording `[n, 3, d]`."""
    op = Plan(f"shots: 3 x {PLAN}").item_op()
    copies = []
    for copy in range(3):
        changed = op(source.store, torch.Generator().manual_seed(copy))
        copies.append(encode(encoder, replace(source, store=changed)).store)
    return torch.stack(copies, 1)  # type: ignore[arg-type]


def with_copies(episode: Episode, drawn: TaskIndices, copies: torch.Tensor) -> Episode:
    """Tasks whose shots are joined by their changed copies, as heavy as the shots together."""
    rows = torch.from_numpy(drawn.support.reshape(len(drawn), -1))
    side = episode.support
    more = replace(
        side,
        items=copies[rows].flatten(1, 2),
        labels=side.labels.repeat_interleave(3, 1),
        weight=side.weight.repeat_interleave(3, 1) / 3,
    )
    return replace(episode, support=side.joined(more))


def accuracy(learner: Learner, episode: Episode, naming: SpokenNames | None, weight: float = 1.0) -> np.ndarray:
    """Accuracy of each task."""
    plan = Plan() if naming is None else Plan(f"shots: {VOICES} x learned weight {weight:g}", naming)
    return evaluate(learner, [episode[i : i + 20] for i in range(0, len(episode), 20)], plan).accuracy


def run(name: str, source: Source, seeds: int, count: int) -> Iterator[dict[str, object]]:
    """One encoder: both halves of the people, all seeds; what is known after each number of shots."""
    encoder = ENCODERS.build(name, channels=0, size=source.store.shape[2], norm="batch").eval()  # type: ignore[union-attr]
    features = encode(encoder, say(source, encoder, VOICES))
    copies = augmented(source, encoder)
    learner = LEARNERS.parse(HEAD).build(encoder=lambda norm: torch.nn.Identity(), ways=10, classes=0).eval()
    halves = ([0, 1, 2], [3, 4, 5])
    rows: dict[str, object] = {}
    for shots in SHOTS:
        found: dict[str, list[np.ndarray]] = {arm: [] for arm in ARMS}
        chosen = []
        for seed in range(seeds):
            per_half: dict[str, list[np.ndarray]] = {arm: [] for arm in ARMS}
            for dev, test in (halves, halves[::-1]):
                names = [str((source.author_names or ())[who]) for who in dev]
                naming = SpokenNames(features.store.shape[1], VOICES, weight=1.0)  # type: ignore[union-attr]
                naming.fit_statistics(features.subset(authors=names))
                naming.eval()
                tried = tasks(features, dev, shots, count, seed + 100).episode(features)
                scores = [accuracy(learner, tried, naming, weight * shots**0.5).mean() for weight in WEIGHTS]
                weight = WEIGHTS[int(np.argmax(scores))] * shots**0.5
                chosen.append(weight)
                drawn = tasks(features, test, shots, count, seed)
                episode = drawn.episode(features)
                per_half["shots alone"].append(accuracy(learner, episode, None))
                per_half["spoken name"].append(accuracy(learner, episode, naming, weight))
                others = names_of_others(episode)
                per_half["name of another digit"].append(accuracy(learner, others, naming, weight))
                per_half["name alone"].append(accuracy(learner, episode, naming, 10_000))
                per_half["augmented copies"].append(accuracy(learner, with_copies(episode, drawn, copies), None))
            for arm in ARMS:
                found[arm].append(np.concatenate(per_half[arm]))
        rows[f"{shots} shots"] = summary({arm: np.stack(values) for arm, values in found.items()}) | {"weights": chosen}
        print(name, shots, {arm: round(float(np.mean(values)), 4) for arm, values in found.items()}, flush=True)
        yield rows


def summary(found: dict[str, np.ndarray]) -> dict[str, object]:
    """Means, halves of the people, and paired differences from the shots alone."""
    first = found["shots alone"]
    others = [arm for arm in ARMS if arm != "shots alone"]
    differences = {arm: paired_difference(found[arm], first, most=1) for arm in others}
    corrected = dict(zip(others, holm([one.p_value for one in differences.values()]), strict=True))
    half = first.shape[1] // 2
    return {
        "accuracy": {arm: float(values.mean()) for arm, values in found.items()},
        "by_half": {arm: [float(v[:, :half].mean()), float(v[:, half:].mean())] for arm, v in found.items()},
        "against_shots_alone": {
            arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in differences.items()
        },
    }


def main() -> None:
    """Judge with one encoder after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--encoders", nargs="+", default=["speech", "whisper"])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = load_dataset("fsdd", "all", root=options.root)
    seeds, count = (1, 6) if options.quick else (3, 60)
    path = RESULTS / "spoken_names.json"
    before = read_json(path) if path.exists() else {}
    encoders = before.get("encoders", {}) if isinstance(before, dict) else {}
    for name in options.encoders:
        began = time.process_time()
        for rows in run(name, source, seeds, count):
            encoders[name] = rows | {"cpu_seconds": time.process_time() - began}
            if options.quick:
                continue
            found = {"command": "python experiments/spoken_names.py --root DATA", "seeds": seeds, "head": HEAD}
            found |= {"tasks": 2 * count, "ways": 10, "voices": VOICES, "plan": PLAN, "encoders": encoders}
            write("spoken_names", found)


if __name__ == "__main__":
    main()
