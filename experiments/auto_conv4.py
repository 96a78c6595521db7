"""Features of a Conv4 for `experiments/auto.py`, each data set by a network that was trained on other families.

    python experiments/auto_conv4.py PACK.zip FOLDER [--rounds 2] [--steps 700]

Two prototypical networks are trained on half of the families of PACK each, at 32 pixels and without augmentation, and
encode the sets of the other half. Sets whose file is there are not made again.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from auto_features import FastEncoder, write_features
from auto_pack import Sets, decode, family, list_jobs, read_pack
from PIL import Image

from manyshot.learners import Prototypes
from manyshot.nets import Conv4
from manyshot.tasks import Episode, EpisodeSampler, Source
from manyshot.training import Settings, fit

HALVES = (
    ("MNIST", "digits", "MedNIST", "chest X-rays", "emoji", "shapes", "textures"),
    ("Omniglot", "printed letters", "CIFAR-FS", "blood cells", "skin lesions", "spoken digits"),
)
"""Families of the two networks; those that are alike are in the same half."""
SIDE, WAYS, SHOTS, QUERIES = 32, 5, 1, 5
ENCODER = "conv4 of other families"


@dataclass(frozen=True)
class OfFamilies:
    """Tasks of each family in turn, and of each of its data sets in turn.

    Args:
        samplers: By family.
    """

    samplers: tuple[tuple[EpisodeSampler, ...], ...]

    @staticmethod
    def of(sets: Sets, families: tuple[str, ...]) -> "OfFamilies":
        """Tasks of some families of a pack, without data sets of fewer than `WAYS` classes."""
        found: dict[str, list[EpisodeSampler]] = {name: [] for name in families}
        for name, classes in sets.items():
            if family(name) in found:
                source = to_source(name, classes)
                if len(source.class_names) >= WAYS:
                    found[family(name)].append(EpisodeSampler(source, WAYS, SHOTS, QUERIES))
        return OfFamilies(tuple(tuple(samplers) for samplers in found.values() if samplers))

    def batch(self, first: int, count: int) -> Episode:
        """Tasks number `first` to `first + count - 1`."""
        return Episode.collate([self.task(number) for number in range(first, first + count)])

    def task(self, number: int) -> Episode:
        """One task."""
        turn, place = divmod(number, len(self.samplers))
        of_family = self.samplers[place]
        return of_family[turn % len(of_family)].batch(turn, 1)


def to_source(name: str, classes: dict[str, list[bytes]]) -> Source:
    """The pictures of a data set at `SIDE` pixels, of the classes that have enough of them."""
    pictures, labels = [], []
    for label, files in classes.items():
        if len(files) >= SHOTS + QUERIES:
            pictures += [
                np.asarray(Image.fromarray(decode(file)).resize((SIDE, SIDE), Image.Resampling.BOX)) for file in files
            ]
            labels += [label] * len(files)
    store = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    return Source.of(store, labels=labels, name=name)


def trained(sets: Sets, families: tuple[str, ...], steps: int, seed: int) -> Conv4:
    """A network that has learned tasks of some families."""
    torch.manual_seed(seed)
    learner = Prototypes(Conv4(channels=3, size=SIDE))
    tasks = OfFamilies.of(sets, families)
    settings = Settings(steps, meta_batch_size=len(tasks.samplers), learning_rate=2e-3, seed=seed)
    rows = fit(learner, tasks, settings)
    losses = [row["loss"] for row in rows]
    print(families, f"loss {np.mean(losses[:50]):.2f}, at the end {np.mean(losses[-50:]):.2f}", flush=True)
    return learner.encoder


def main() -> None:
    """Train both networks and encode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=700)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sets = read_pack(given.pack)
    jobs = list_jobs(sets, 0, given.rounds, nuisances=False)
    for seed, (known, judged) in enumerate((HALVES, HALVES[::-1])):
        encode = FastEncoder(trained(sets, known, given.steps, seed))
        write_features([job for job in jobs if family(job.name) in judged], sets, encode, ENCODER, given.folder)


if __name__ == "__main__":
    main()
