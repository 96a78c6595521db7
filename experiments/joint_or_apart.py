"""Whether to change the parts of an example together, apart, or at all: emoji, a picture with one of its tags.

Each drawing of an emoji has one of the emoji's tags at random as its text; 20 ways. The arms add copies of the shots,
together as heavy as the shots: of changed pictures, of changed texts, of both, MixGen, LeMDA, and for each of the last
three noise as far in features. LeMDA is trained on other subgroups, on which the penalty of ridge is chosen as well;
nothing else was tuned. MixGen encodes each mixture anew, so it has fewer tasks. Writes results/joint_or_apart.json.

    python experiments/joint_or_apart.py --root DATA [--quick]
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from latent import PENALTIES, ridge, trained
from run_and_record import write
from torch import Tensor
from torch.nn import functional as F

from manyshot.augment import Plan
from manyshot.base import parse_json
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.learners import Learner
from manyshot.meta_augment.equal_noise import EqualNoise
from manyshot.meta_augment.learned_augmenter import LearnedAugmenter
from manyshot.nets import PartsEncoder
from manyshot.tasks import Episode, EpisodeSampler, Examples, Parts, Source
from manyshot.tasks.items import flatten_tasks, unflatten_tasks
from manyshot.training import encode, holm, paired_difference

WAYS, QUERIES, SHOTS, COPIES = 20, 2, (1, 5), 2
PICTURES, TEXTS = "flip affine", "eda"
ENCODER = PartsEncoder(images="efficientnet-lite0(resolution=96)")
BASE = "shots alone"
Arm = Callable[[Examples, int], Examples]


def emoji(root: Path, part: int) -> Source:
    """Drawings of the emoji of one of eight parts by subgroup, each with one of its tags."""
    rows = parse_json((root / "emoji" / "names.json").read_bytes(), "names.json", list)
    named = {row["code"]: row for row in rows}
    pictures = load_dataset(root / "emoji" / "images.zip", size=48, color=True)
    kept = pictures.subset(classes=[code for code in pictures.class_names if named[code]["subgroup"] % 8 == part])
    random = np.random.default_rng(part)
    labels = [kept.class_names[label] for label in kept.labels]
    tags = [str(random.choice(named[code]["tags"] or [named[code]["name"]])) for code in labels]
    return Source.of(Parts.of({"picture": kept.gather(np.arange(len(kept))), "tag": tags}), labels)


def joined(features: Parts) -> Tensor:
    """Both parts side by side, each of length 1, and together of length 1."""
    return F.normalize(torch.cat([F.normalize(features[name].float(), dim=-1) for name in features.names], -1), dim=-1)


def features_of(parts: Parts) -> Tensor:
    """Features of examples."""
    return joined(encode(ENCODER, Source.of(parts, ["any"] * len(parts))).store)  # type: ignore[arg-type]


def changed(source: Source) -> dict[str, Tensor]:
    """Features of copies of each example `[n, copies, d]` with a changed picture, text, or both."""
    parts: Parts = source.store[source.rows]  # type: ignore[index]
    copies: dict[str, list[Tensor]] = {"picture changed": [], "text changed": [], "both changed": []}
    for copy in range(COPIES):
        random = generator(copy, "copies")
        picture = Plan(f"shots: 1 x {PICTURES}").item_op()(parts["picture"], random)
        text = Plan(f"shots: 1 x {TEXTS}").item_op()(parts["tag"], random)
        copies["picture changed"].append(features_of(parts.replaced("picture", picture)))
        copies["text changed"].append(features_of(parts.replaced("tag", text)))
        copies["both changed"].append(features_of(parts.replaced("picture", picture).replaced("tag", text)))
    return {arm: torch.stack(rows, 1) for arm, rows in copies.items()}


def with_copies(support: Examples, copies: Tensor, labels: Tensor | None = None) -> Examples:
    """The support and copies `[T, n, c, d]` of its features, as heavy as the shots together."""
    count = copies.shape[2]
    weight = support.weight.repeat_interleave(count, 1) / count
    labels = support.labels.repeat_interleave(count, 1) if labels is None else labels
    return support.joined(replace(support, items=copies.flatten(1, 2), labels=labels, weight=weight, origin=None))


def as_far(support: Examples, copies: Tensor, sizes: tuple[int, ...], seed: int) -> Examples:
    """Noise in place of copies: each part as far from the shot, any way."""
    own, ways = support.items[:, :, None], []
    for change in torch.split(copies - own, sizes, -1):
        way = torch.randn(change.shape, generator=generator(seed, "noise", change.shape[-1]))
        ways.append(change.norm(dim=-1, keepdim=True) * F.normalize(way, dim=-1))
    return with_copies(support, own + torch.cat(ways, -1))


def arms_of(copies: dict[str, Tensor], sizes: tuple[int, ...], lemda: LearnedAugmenter) -> dict[str, Arm]:
    """Each arm: from the numbers of the shots in the source, as items, and their features, to more of them."""
    noise = EqualNoise(lemda).eval()

    def rows(support: Examples, arm: str) -> Tensor:
        return copies[arm][support.origin]  # type: ignore[index]

    def made(support: Examples, seed: int, augmenter: LearnedAugmenter) -> Examples:
        plain = replace(support, origin=None)
        more = augmenter.make(plain, COPIES, generator(seed, "augmenter")).items
        return with_copies(support, more.view(*support.weight.shape, COPIES, -1))

    found: dict[str, Arm] = {BASE: lambda support, _: support}
    for arm in copies:
        found[arm] = lambda support, _, arm=arm: with_copies(support, rows(support, arm))  # type: ignore[misc]
    found["noise as far as both changed"] = lambda s, seed: as_far(s, rows(s, "both changed"), sizes, seed)
    found["LeMDA"] = lambda support, seed: made(support, seed, lemda)
    found["noise as far as LeMDA"] = lambda support, seed: made(support, seed, noise)
    return found


def numbered(source: Source) -> Source:
    """The same examples by their number."""
    return replace(source, store=torch.arange(len(source))[:, None], rows=np.arange(len(source)))


def tasks_of(source: Source, features: Tensor, shots: int, seed: int, count: int) -> Episode:
    """Tasks of features; the origin of a shot is its number in the source."""
    episode = EpisodeSampler(numbered(source), WAYS, shots, QUERIES, seed=1000 + seed).batch(0, count)
    support, query = (replace(side, items=features[side.items[..., 0]]) for side in (episode.support, episode.query))
    return replace(episode, support=replace(support, origin=episode.support.items[..., 0]), query=query)


def right(head: Learner, support: Examples, query: Examples) -> np.ndarray:
    """Accuracy of each task."""
    answers = head.adapt(replace(support, origin=None))(query.items)
    return (answers.argmax(-1) == query.class_ids).double().mean(1).numpy()  # type: ignore[no-any-return]


def mixgen(source: Source, episode: Episode, sizes: tuple[int, ...], head: Learner, seed: int) -> dict[str, np.ndarray]:
    """Accuracy with MixGen, and with noise as far, on tasks whose mixtures are encoded."""
    plan, support = Plan(f"shots: {COPIES} x mixgen"), episode.support
    tasks, n = support.weight.shape
    drawn: Parts = source.store[source.rows[support.origin.flatten()]]  # type: ignore[index, union-attr]
    own = torch.arange(n).expand(tasks, n)
    raw = replace(support, items=unflatten_tasks(drawn, tasks, n), origin=own)
    more = plan.apply(Episode(raw, raw, episode.classes).as_float(), generator(seed, "mixgen")).support
    every: Parts = flatten_tasks(more.items)
    copies = features_of(every).view(tasks, n * (1 + COPIES), -1)[:, n:].unflatten(1, (n, COPIES))
    mixed = with_copies(support, copies, more.labels[:, n:])
    tried = {"MixGen": mixed, "noise as far as MixGen": as_far(support, copies, sizes, seed)}
    return {arm: right(head, one, episode.query) for arm, one in tried.items()}


def compared(found: dict[str, list[np.ndarray]]) -> dict[str, object]:
    """Means, and paired differences from the shots alone (Holm over arms) and of changes from their noise."""
    stacked = {arm: np.stack(rows) for arm, rows in found.items()}
    others = {arm: paired_difference(rows, stacked[BASE], most=1) for arm, rows in stacked.items() if arm != BASE}
    corrected = dict(zip(others, holm([one.p_value for one in others.values()]), strict=True))
    noise = "noise as far as "
    beside = {arm.removeprefix(noise): rows for arm, rows in stacked.items() if arm.startswith(noise)}
    return {
        "accuracy": {arm: float(rows.mean()) for arm, rows in stacked.items()},
        "by_seed": {arm: rows.mean(1).tolist() for arm, rows in stacked.items()},
        "against_shots_alone": {
            arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in others.items()
        },
        "beside_noise_as_far": {
            arm: paired_difference(stacked[arm], rows, most=1).as_dict() for arm, rows in beside.items()
        },
    }


def main() -> None:
    """Measure all arms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="few classes and tasks; writes nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    seeds, tasks, mixtures = (2, 10, {1: 2, 5: 1}) if options.quick else (3, 150, {1: 20, 5: 4})
    raw, other = (emoji(options.root, part) for part in (3, 1))
    if options.quick:
        raw, other = (one.subset(classes=one.class_names[:24]) for one in (raw, other))
    encoded = encode(ENCODER, raw).store
    sizes = tuple(encoded[name].shape[-1] for name in encoded.names)  # type: ignore[union-attr, index]
    features = joined(encoded)  # type: ignore[arg-type]
    train = Source.of(joined(encode(ENCODER, other).store), [other.class_names[label] for label in other.labels])  # type: ignore[arg-type]
    judge = partial(tasks_of, other, train.store, seed=99, count=tasks)
    penalties = {}
    for shots in SHOTS:
        tried = judge(shots=shots)
        penalties[shots] = max(PENALTIES, key=lambda p, one=tried: right(ridge(p), one.support, one.query).mean())  # type: ignore[misc]
    copies, rows = changed(raw), {}
    parts = "+".join(map(str, sizes))
    lemdas = [trained(f'lemda(parts="{parts}", hidden=64)', train, WAYS, penalties[1], seed) for seed in range(seeds)]
    for shots in SHOTS:
        found: dict[str, list[np.ndarray]] = {}
        mixed: dict[str, list[np.ndarray]] = {}
        head = ridge(penalties[shots])
        for seed, lemda in enumerate(lemdas):
            episode = tasks_of(raw, features, shots, seed, tasks)
            for arm, more in arms_of(copies, sizes, lemda).items():
                found.setdefault(arm, []).append(right(head, more(episode.support, seed), episode.query))
            few = episode[: mixtures[shots]]
            mixed.setdefault(BASE, []).append(right(head, few.support, few.query))
            for arm, values in mixgen(raw, few, sizes, head, seed).items():
                mixed.setdefault(arm, []).append(values)
        rows[str(shots)] = compared(found) | {"mixgen": compared(mixed) | {"tasks": mixtures[shots]}}
        print(shots, {arm: round(float(np.mean(one)), 4) for arm, one in (found | mixed).items()}, flush=True)
    if not options.quick:
        settings = {"ways": WAYS, "seeds": seeds, "tasks": tasks, "copies": COPIES, "penalties": penalties}
        settings |= {"picture op": PICTURES, "text op": TEXTS, "encoders": ENCODER.names}
        sets = {"classes": len(raw.class_names), "examples": len(raw), "shots": rows}
        seconds = {"cpu_seconds": time.process_time() - began}
        write(
            "joint_or_apart",
            {"command": "python experiments/joint_or_apart.py --root DATA", **settings, **sets, **seconds},
        )


if __name__ == "__main__":
    main()
