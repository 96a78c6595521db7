"""Random draws of a few examples from frozen features, and what a ridge head says of them and of all other examples.

What `fit` states about itself (the interval of its accuracy, its probabilities) can be judged on thousands of draws
once features exist. Features are those of a frozen EfficientNet-Lite0 at 112 pixels (MiniLM for sentences, the pixels
for 8 x 8 digits), of which the root is taken where none is negative; the head is ridge with a penalty of 0.1, all on
centered rows of length 1.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from few_example_sets import SENTENCES
from jaxtyping import Float, Int
from numpy.typing import NDArray

from manyshot.classify.choose.choose_candidate import FOLDS
from manyshot.classify.choose.cross_validate import stratified_folds
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.datasets import load_dataset
from manyshot.nets import ENCODERS
from manyshot.tasks import Source
from manyshot.training import encode

SHOTS = (1, 2, 3, 5, 10, 20)
PER_CLASS = 150
"""Examples of each class that are encoded."""
SIZE = 112
PENALTY = 0.1
WAYS = (2, 3, 5, 10, 20)
MOST_DRAWN = 200
"""Classes times examples of each that are drawn at most."""

Labels = NDArray[np.int64]
Data = tuple[Float[np.ndarray, "n d"], Labels]


@dataclass(frozen=True, eq=False)
class Draw:
    """One draw of examples.

    Args:
        labels: Class `[n]` of each drawn example.
        folds: Parts in which they were held out; 1 if there was one of each class.
        left_out: Logits `[repeats, n, c]` of each without its fold; none with one example of each class.
        own: Logits `[n, c]` of the drawn examples by the head that is fitted to all of them.
        new: Its logits `[m, c]` of all other examples of these classes.
        new_labels: Their classes `[m]`.
    """

    labels: Int[np.ndarray, "n"]
    folds: int
    left_out: Float[np.ndarray, "r n c"]
    own: Float[np.ndarray, "n c"]
    new: Float[np.ndarray, "m c"]
    new_labels: Int[np.ndarray, "m"]

    @property
    def accuracy(self) -> float:
        """Accuracy on the other examples, the mean over classes."""
        right = self.new.argmax(1) == self.new_labels
        return float(np.mean([right[self.new_labels == label].mean() for label in np.unique(self.new_labels)]))

    @property
    def correct(self) -> Float[np.ndarray, "n"]:
        """How often each drawn example was classified right when it was held out."""
        return np.asarray((self.left_out.argmax(2) == self.labels).mean(0))


def load_sets(root: Path) -> dict[str, Data]:
    """Features `[n, d]` and labels of all sets.

    Args:
        root: The folder that holds the data sets.
    """

    def zipped(folder: str) -> Source:
        return load_dataset(str(root / folder / "images.zip"), size=SIZE, color=True)

    def omniglot() -> Source:
        source = load_dataset("omniglot", "small2", root=root / "omniglot", size=28)
        return source.subset(classes=source.class_names[:20])

    def encoded(load: Callable[[], Source], as_they_are: bool = False) -> Data:
        source = load()
        place = np.arange(len(source)) - source.starts[source.labels]
        source = source.subset(items=place < PER_CLASS)
        return (_pixels if as_they_are else _pictures)(source), source.labels

    def sentences(name: str) -> Data:
        examples = SENTENCES[name](root)
        return encode_examples("minilm", examples)[:, 0].numpy(), examples.labels

    loaders: dict[str, Callable[[], Data]] = {
        "MedNIST": partial(encoded, lambda: zipped("mednist")),
        "chest X-rays": partial(encoded, lambda: zipped("chest_xray")),
        "skin lesions": partial(encoded, lambda: zipped("ham10000").subset(at_least=60)),
        "CIFAR-FS": partial(
            encoded, lambda: load_dataset("cifar_fs", "validation", root=root / "cifar_fs", color=True)
        ),
        "digits": partial(encoded, lambda: load_dataset("digits"), as_they_are=True),
        "Omniglot, 20 characters": partial(encoded, omniglot),
        **{name: partial(sentences, name) for name in SENTENCES},
        **{f"simulated, {far:g} apart": partial(simulated, far, seed) for seed, far in enumerate((2, 4, 8))},
    }
    return {name: load() for name, load in loaders.items()}


def simulated(separation: float, seed: int) -> Data:
    """Five normal classes of 600 in 40 dimensions, whose means differ so much in standard deviations.

    The features of a class have heavy tails and directions of their own, so that no head is exactly right.
    """
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), 600)
    means = random.normal(size=(5, 40)) * separation / 40**0.5
    scales = np.exp(random.normal(size=(5, 40)) / 2)
    noise = random.standard_t(5, size=(len(labels), 40)) * scales[labels]
    return means[labels] + noise, labels


def draws(data: Mapping[str, Data], count: int, least: int = 1) -> Iterator[tuple[str, int, Draw]]:
    """Name, examples per class, and draws of every set: of all its classes, or of some of them.

    Args:
        data: Features and labels by name.
        count: Draws of each set and number of examples.
        least: Smallest number of examples per class.
    """
    for name, (features, labels) in data.items():
        rows = _root(features)
        for shots in SHOTS:
            if shots >= least and np.bincount(labels).min() >= 2 * shots:
                for seed in range(count):
                    yield name, shots, draw(rows, labels, shots, seed)


def draw(rows: Float[np.ndarray, "n d"], labels: Labels, shots: int, seed: int) -> Draw:
    """Draw so many examples of some classes, fit and hold out.

    Args:
        rows: Features.
        labels: Classes.
        shots: Examples of each class.
        seed: Seed of the draw.
    """
    random = np.random.default_rng((seed, shots))
    classes = int(labels.max()) + 1
    ways = [count for count in (*WAYS, classes, classes) if count <= classes and count * shots <= MOST_DRAWN]
    chosen = random.permutation(classes)[: random.choice(ways)]
    found = [random.permutation(np.flatnonzero(labels == label)) for label in chosen]
    fit, test = np.concatenate([row[:shots] for row in found]), np.concatenate([row[shots:] for row in found])
    own_labels = np.repeat(np.arange(len(chosen)), shots)
    new_labels = np.repeat(np.arange(len(chosen)), [len(row) - shots for row in found])
    mean = rows[fit].mean(0)
    x, query = (_unit(rows[index] - mean) for index in (fit, test))
    targets, kernel = np.eye(len(chosen))[own_labels], x @ x.T + 1
    inverse = np.linalg.inv(kernel + PENALTY * np.eye(len(x)))
    dual = inverse @ targets
    folds, repeats = min(shots, FOLDS), 3 if len(x) <= 150 else 2
    left_out = np.zeros((repeats if folds > 1 else 0, len(x), len(chosen)))
    for number, repeat in enumerate(left_out):
        fold = stratified_folds(own_labels, folds, 2 * number + 1)
        for one in range(folds):
            out = np.flatnonzero(fold == one)
            repeat[out] = targets[out] - np.linalg.solve(inverse[np.ix_(out, out)], dual[out])
    return Draw(own_labels, folds, left_out, kernel @ dual, (query @ x.T + 1) @ dual, new_labels)


def _root(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    return _unit(np.sqrt(features) if (features >= 0).all() else features)


def _unit(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _pixels(source: Source) -> Float[np.ndarray, "n d"]:
    return source.gather(range(len(source))).float().flatten(1).numpy()


def _pictures(source: Source) -> Float[np.ndarray, "n d"]:
    channels, size = source.gather([0]).shape[1:3]
    network = ENCODERS.build(f"efficientnet-lite0(resolution={SIZE})", channels=channels, size=size, norm="batch")
    features: torch.Tensor = encode(network.eval(), source).gather(range(len(source))).float()
    return features.numpy()
