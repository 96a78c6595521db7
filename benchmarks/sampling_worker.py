"""Draws episodes with one library, in that library's own interpreter; `sampling.py` starts it and asks for slices.

Every sampler gets the same uint8 tensor in memory and gives support and query stacked, with labels from 0 to 4. The
peers are used as their documentation shows. Whatever a sampler builds once (an index, an iterator) is not timed.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

CLASSES, ITEMS, GROUPS = 964, 20, 30  # Omniglot's background set
WAYS, SHOTS, QUERIES = 5, 1, 15
# Support, its labels, query, its labels; one episode, or several along a first axis
Drawn = tuple[Tensor, Tensor, Tensor, Tensor]
Draw = Callable[[int], Drawn]


def synthetic() -> tuple[Tensor, Tensor]:
    """Noise images `[19280, 1, 28, 28]` uint8 whose first four bytes are their own number, and their classes."""
    noise = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (CLASSES * ITEMS, 784), dtype=torch.uint8, generator=noise)
    number = torch.arange(CLASSES * ITEMS, dtype=torch.int32)
    images[:, :4] = number.view(torch.uint8).reshape(-1, 4)
    return images.reshape(-1, 1, 28, 28), (number // ITEMS).long()


class Pairs(Dataset):
    """The data set that a tutorial would write."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.images[i], self.labels[i]


def last(episodes: Iterator[Any], n: int) -> Any:
    """Draw n and keep the last."""
    for _ in range(n - 1):
        next(episodes)
    return next(episodes)


@cache
def our_source(images: Tensor, labels: Tensor) -> Any:
    """The same as a `Source`, with 30 alphabets and 20 authors."""
    from manyshot.tasks import Source

    names = [f"class {label:04d}" for label in labels.tolist()]
    return Source.of(
        images,
        labels=names,
        groups={name: f"group {i * GROUPS // CLASSES}" for i, name in enumerate(sorted(set(names)))},
        authors=[f"author {i % ITEMS:02d}" for i in range(len(images))],
    )


def manyshot(images: Tensor, labels: Tensor, at_once: int, float_items: bool = False, **options: Any) -> Draw:
    """Ours, `at_once` episodes a call."""
    from manyshot.tasks import EpisodeSampler

    source = our_source(images, labels)
    sampler = EpisodeSampler(source, **{"ways": WAYS, "shots": SHOTS, "queries": QUERIES, **options})
    done = 0

    def draw(n: int) -> Drawn:
        nonlocal done
        for first in range(done, done + n, at_once):
            episode = sampler.batch(first, at_once)
            episode = episode.as_float() if float_items else episode
        done += n
        return episode.support.items, episode.support.labels, episode.query.items, episode.query.labels

    return draw


class EpisodeBatches:
    """A batch sampler without end: the indices of one episode, class after class."""

    def __init__(self, labels: Tensor) -> None:
        self.members = [(labels == c).nonzero().flatten().tolist() for c in labels.unique()]

    def __iter__(self) -> Iterator[list[int]]:
        while True:
            yield [i for c in random.sample(self.members, WAYS) for i in random.sample(c, SHOTS + QUERIES)]


def halves(items: Tensor) -> Drawn:
    """Part 80 items, class after class, into support and query."""
    items = items.reshape(WAYS, SHOTS + QUERIES, *items.shape[1:])
    ways = torch.arange(WAYS)
    return (
        items[:, :SHOTS].flatten(0, 1),
        ways.repeat_interleave(SHOTS),
        items[:, SHOTS:].flatten(0, 1),
        ways.repeat_interleave(QUERIES),
    )


def dataloader(images: Tensor, labels: Tensor) -> Draw:
    """A `Dataset` of pairs, a batch sampler and the default collation."""
    batches = iter(DataLoader(Pairs(images, labels), batch_sampler=EpisodeBatches(labels)))
    return lambda n: last((halves(items) for items, _ in batches), n)


def dataloader_indexed(images: Tensor, labels: Tensor) -> Draw:
    """The same by someone who knows `batch_size=None`: the tensor is indexed once an episode."""
    batches = iter(DataLoader(images, sampler=EpisodeBatches(labels), batch_size=None))
    return lambda n: last((halves(items) for items in batches), n)


def learn2learn(images: Tensor, labels: Tensor) -> Draw:
    """`Taskset` over `MetaDataset`, with the transforms of its own benchmarks, and `partition_task`."""
    torchvision_without_ops()
    import learn2learn as l2l

    data = l2l.data.MetaDataset(Pairs(images, labels))
    steps = l2l.data.transforms
    tasks = l2l.data.Taskset(
        data,
        [
            steps.FusedNWaysKShots(data, n=WAYS, k=SHOTS + QUERIES),
            steps.LoadData(data),
            steps.RemapLabels(data),
            steps.ConsecutiveLabels(data),
        ],
    )

    def episodes() -> Iterator[Drawn]:
        while True:
            (support, y), (query, z) = l2l.data.partition_task(*tasks.sample(), shots=SHOTS)
            yield support, y, query, z

    drawn = episodes()
    return lambda n: last(drawn, n)


def easyfsl(images: Tensor, labels: Tensor) -> Draw:
    """`TaskSampler` as the batch sampler of a `DataLoader`, with its own collation."""
    torchvision_without_ops()
    # It calls the base class with an argument that torch no longer takes.
    Sampler.__init__ = lambda self, data_source=None: None  # type: ignore[method-assign]
    from easyfsl.samplers import TaskSampler

    class Labeled(Pairs):
        def get_labels(self) -> list[int]:
            return self.labels

    data = Labeled(images, labels)
    sampler = TaskSampler(data, n_way=WAYS, n_shot=SHOTS, n_query=QUERIES, n_tasks=10**9)
    batches = iter(DataLoader(data, batch_sampler=sampler, collate_fn=sampler.episodic_collate_fn))
    return lambda n: last(batches, n)[:4]


def torchmeta(images: Tensor, labels: Tensor) -> Draw:
    """`CombinationMetaDataset` with `ClassSplitter`, 16 episodes a batch from `BatchMetaDataLoader`."""
    torchvision_without_ops()
    import torchvision.datasets.utils

    # Two private names that its downloads want and today's torchvision lacks.
    torchvision.datasets.utils._get_confirm_token = torchvision.datasets.utils._save_response_content = None
    from torchmeta.transforms import Categorical, ClassSplitter
    from torchmeta.utils.data import BatchMetaDataLoader, ClassDataset, CombinationMetaDataset
    from torchmeta.utils.data import Dataset as OneClass
    from torchmeta.utils.data.task import SubsetTask

    # Torch now wants this of every such class, and does not call it here.
    SubsetTask.__getitems__ = lambda task, indices: [task[i] for i in indices]

    by_class = images.reshape(CLASSES, ITEMS, *images.shape[1:])

    class Character(OneClass):
        def __len__(self) -> int:
            return ITEMS

        def __getitem__(self, i: int) -> tuple[Tensor, int]:
            return by_class[self.index, i], self.target_transform(self.index)

    class Characters(ClassDataset):
        num_classes = CLASSES

        def __getitem__(self, i: int) -> Character:
            return Character(i)

    data = CombinationMetaDataset(
        Characters(meta_train=True),
        WAYS,
        target_transform=Categorical(WAYS),
        dataset_transform=ClassSplitter(num_train_per_class=SHOTS, num_test_per_class=QUERIES),
    )
    batches = iter(BatchMetaDataLoader(data, batch_size=16))

    def draw(n: int) -> Drawn:
        batch = last(batches, n // 16)
        return *batch["train"], *batch["test"]

    return draw


def torchvision_without_ops() -> None:
    """Let torchvision's Python import where its compiled part does not load, as beside a CPU build of torch.

    The peers import torchvision, but their samplers run none of it. Declaring the two operators that its import asks
    for is enough.
    """
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return  # the import of the peer that follows says what is missing
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for op in ("nms", "qnms"):
            library.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        torchvision_without_ops.kept = library  # type: ignore[attr-defined] # the operators go when it does


def check(drawn: Drawn) -> None:
    """Stop unless these are 5-way 1-shot 15-query episodes of the right classes, no item twice."""
    for episode in zip(*drawn, strict=True) if drawn[0].dim() == 5 else [drawn]:
        support, y, query, z = (part.argmax(-1) if part.dim() == 2 else part for part in episode)
        assert support.shape == (WAYS * SHOTS, 1, 28, 28)
        assert query.shape == (WAYS * QUERIES, 1, 28, 28)
        assert support.dtype == query.dtype == torch.uint8
        number = torch.cat([support, query]).flatten(1)[:, :4].contiguous().view(torch.int32).flatten()
        assert len(number.unique()) == WAYS * (SHOTS + QUERIES), "an item was drawn twice"
        classes, labels = torch.stack([number // ITEMS, torch.cat([y, z])], 1).unique(dim=0).T
        assert len(classes) == len(classes.unique()) == len(labels.unique()) == WAYS, "labels do not follow classes"
        assert (y.bincount(minlength=WAYS) == SHOTS).all()
        assert (z.bincount(minlength=WAYS) == QUERIES).all()


SAMPLERS: dict[str, Callable[[Tensor, Tensor], Draw]] = {
    "manyshot": lambda *data: manyshot(*data, at_once=16),
    "manyshot, T=1": lambda *data: manyshot(*data, at_once=1),
    "manyshot, T=64": lambda *data: manyshot(*data, at_once=64),
    "DataLoader": dataloader,
    "DataLoader, indexed": dataloader_indexed,
    "learn2learn": learn2learn,
    "easyfsl": easyfsl,
    "torchmeta": torchmeta,
}
PEERS = ("learn2learn", "easyfsl", "torchmeta")
# Other work than the rows above, so never beside a peer.
OPTIONS: dict[str, Callable[[Tensor, Tensor], Draw]] = {
    "as float32": lambda *data: manyshot(*data, at_once=16, float_items=True),
    "within_group=1": lambda *data: manyshot(*data, at_once=16, within_group=1.0),
    "by_author": lambda *data: manyshot(*data, at_once=16, by_author=True),
    "ways 3-5, shots 1-5": lambda *data: manyshot(*data, at_once=16, ways=(3, 5), shots=(1, 5)),
    "20 ways, 5 queries": lambda *data: manyshot(*data, at_once=16, ways=20, queries=5),
}


def main(names: list[str]) -> None:
    """Say which of these samplers run here; then, for each line `{"name", "episodes"}`, the CPU seconds it took."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the libraries print must not stand among the answers
    torch.set_num_threads(1)
    data = synthetic()
    draws: dict[str, Draw] = {}
    failed: dict[str, str] = {}
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "numpy": version("numpy")}
    for name in names:
        try:
            if name in PEERS:
                versions[name] = version(name)
            draws[name] = {**SAMPLERS, **OPTIONS}[name](*data)
            drawn = draws[name](16)
        except (ImportError, AttributeError, RuntimeError, TypeError) as error:
            missing = isinstance(error, PackageNotFoundError)
            failed[name] = "not installed" if missing else f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        if name in SAMPLERS:
            check(drawn)
    answers.write(json.dumps({"failed": failed, "versions": versions}) + "\n")
    for line in sys.stdin:
        request = json.loads(line)
        begin = time.process_time()
        draws[request["name"]](request["episodes"])
        answers.write(json.dumps({"seconds": time.process_time() - begin}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
