"""What several parts of an example are worth together, and what a missing one costs.

Two sets: emoji, a picture (one vendor for each) and its name, whose classes are the subgroups of Unicode (such as
"animal-bug"); and digits, spoken (FSDD) and written (MNIST), paired at random within a class, shots by some people and
queries by others. Frozen encoders, 5 ways. Every second class is reported; settings were chosen on the others. Seeds
differ in tasks; all arms of a seed see the same. What a missing part costs is stated beside the accuracy of the part
that is left as well, alone: the least that it can cost without knowing of other tasks. Writes results/parts.json.

    python experiments/parts.py --root DATA [--quick]
"""

import argparse
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from run_and_record import RESULTS, write
from torch import Tensor, nn

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.learners import Fusion, Learner, Ridge
from manyshot.learners.fusion import FusedSupport
from manyshot.learners.part_weights import FusedKernels, choose_weights
from manyshot.nets import PartsEncoder
from manyshot.tasks import Episode, EpisodeSampler, Examples, Parts, Source
from manyshot.training import holm, paired_difference
from manyshot.training.encode_source import encode

WAYS, QUERIES, BATCH = 5, 6, 20
LEAST = 12
"""Emoji that a subgroup must have."""
EACH = 10
"""Recordings of each digit by each of six people."""


def emoji(root: Path) -> Source:
    """Pictures of emoji with their names; flags, clocks and keycaps, whose names are rules, are left out."""
    rows = json.loads((root / "emoji" / "names.json").read_text(encoding="utf-8"))
    pictures, names, labels = [], [], []
    with zipfile.ZipFile(root / "emoji" / "images.zip") as archive:
        files: dict[str, list[str]] = {}
        for name in sorted(archive.namelist()):
            if name.endswith(".png"):
                files.setdefault(Path(name).parent.name, []).append(name)
        for number, row in enumerate(rows):
            own = files.get(row["code"], [])
            if not own or row["group"] in (8, 9) or any(w in row["name"] for w in ("flag", "o’clock", "keycap")):
                continue
            with Image.open(io.BytesIO(archive.read(own[number % len(own)]))) as image:
                pictures.append(torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1))
            names.append(row["name"])
            labels.append(f"subgroup {row['subgroup']}")
    return Source.of(Parts.of({"picture": torch.stack(pictures), "name": names}), labels).subset(at_least=LEAST)


def digits(root: Path) -> Source:
    """Recordings of digits, each with a written digit of its class."""
    spoken, written = load_dataset("fsdd", "all", root=root), load_dataset("mnist", "test", root=root)
    author = spoken.authors_of_rows
    assert author is not None
    random, kept, pairs, people = np.random.default_rng(0), [], [], []
    for label in range(10):
        own = np.flatnonzero(written.labels == label)
        for person in range(6):
            rows = np.flatnonzero((spoken.labels == label) & (author == person))[:EACH]
            kept += rows.tolist()
            pairs += random.choice(own, len(rows), replace=False).tolist()
            people += [person] * len(rows)
    parts = Parts.of({"spoken": spoken.gather(kept), "written": written.gather(pairs)})
    return Source.of(parts, spoken.labels[kept].tolist(), authors=people)


def half(source: Source, reported: bool) -> Source:
    """The classes that are reported, every second one; settings were chosen on the others."""
    return source.subset(classes=source.class_names[int(reported) :: 2])


def without(examples: Examples, name: str, share: float, seed: int, known: bool) -> Examples:
    """Examples of which a share lacks a part; if that is not known, zeros stand there as if they were features.

    With `name` "any", one of the parts at random.
    """
    parts: Parts = examples.items
    random = generator(seed, "missing")
    gone = torch.rand(parts.lead, generator=random) < share
    which = torch.randint(len(parts.names), parts.lead, generator=random)
    for index, part in enumerate(parts.names):
        if name in ("any", part):
            lost = gone & (which == index) if name == "any" else gone
            mask = parts.there[part] & ~lost if known else parts.there[part]
            parts = parts.replaced(part, parts[part].masked_fill(lost[..., None], 0), mask)
    return replace(examples, items=parts)


def only(examples: Examples, name: str) -> Examples:
    """Examples of one part."""
    return replace(examples, items=examples.items.only([name]))


def right(learner: Learner, support: Examples, query: Examples) -> Tensor:
    """Accuracy of each task."""
    return (learner.adapt(support)(query.items).argmax(-1) == query.class_ids).double().mean(1)


def late(support: Examples, query: Examples) -> Tensor:
    """Accuracy of heads of each part alone, whose outputs are averaged over the parts that a query has.

    The weights minimize the squared error of left-out shots; without a second shot they are equal. A query that lacks
    parts is answered by the rest, so that training with dropped parts would leave the weights as they are. A part that
    no shot of a class has says nothing of the class.
    """
    outputs, left_out, knows = [], [], []
    for name in support.items.names:
        fused = FusedSupport(support.items.only([name]), support)
        there = support.items.there[name].to(support.labels)
        outputs.append(fused(query.items.only([name])))
        left_out.append(left_out_outputs(fused.kernels.of([0])))
        knows.append((support.labels * there[..., None]).sum(1, keepdim=True) > 0)
    has = torch.stack([query.items.there[name] for name in support.items.names])[..., None] & torch.stack(knows)
    share = torch.full((len(support.labels), 1, 1), 0.5, dtype=torch.float64)
    if support.labels.sum(1).min() > 1:
        first, second = left_out
        both = torch.stack([support.items.there[name] for name in support.items.names]).all(0)[..., None]
        away, rest = (first - second) * both, (support.labels - second) * both
        share = (
            (away * rest).sum((1, 2), keepdim=True) / away.square().sum((1, 2), keepdim=True).clamp(min=1e-9)
        ).clamp(0, 1)
    weights = torch.stack([share, 1 - share]).clamp(min=1e-6) * has
    answers = (weights * torch.stack(outputs)).sum(0) / weights.sum(0).clamp(min=1e-9)
    return (answers.argmax(-1) == query.class_ids).double().mean(1)


def left_out_outputs(kernels: FusedKernels) -> Tensor:
    """Outputs `[T, n, ways]` for each shot by the regression without it, of one part."""
    weights, penalty = choose_weights(kernels)
    root = kernels.weight.sqrt()[..., None]
    system = root * kernels.joined(weights) * root.mT
    inverse = torch.linalg.inv(system + penalty[:, None, None] * torch.eye(system.shape[1], dtype=system.dtype))
    errors = inverse @ (root * (kernels.labels - kernels.offset)) / torch.diagonal(inverse, dim1=1, dim2=2)[..., None]
    return kernels.labels - errors


def noise_like(plan: Plan) -> Callable[[Episode, int], Examples]:
    """The support with noise in place of what a plan adds: each vector as far from its own as the plan's, any way."""

    def noisy(episode: Episode, seed: int) -> Examples:
        mixed = plan.apply(episode, generator(seed, "mix")).support
        n = episode.support.weight.shape[1]
        origin = mixed.known_origin[:, n:]
        parts: Parts = mixed.items
        for name in parts.names:
            own = episode.support.items[name]
            source = own.gather(1, origin[..., None].expand(-1, -1, own.shape[2]))
            far = (parts[name][:, n:] - source).norm(dim=-1, keepdim=True)
            way = torch.randn(source.shape, generator=generator(seed, "noise", name))
            added = source + far * way / way.norm(dim=-1, keepdim=True)
            parts = parts.replaced(name, torch.cat([own, added], 1))
        labels = episode.support.labels.gather(1, origin[..., None].expand(-1, -1, WAYS))
        return replace(mixed, items=parts, labels=torch.cat([episode.support.labels, labels], 1))

    return noisy


def unmasked(examples: Examples) -> Examples:
    """Examples whose missing parts pass for zeros."""
    parts: Parts = examples.items
    there = {name: torch.ones_like(mask) for name, mask in parts.there.items()}
    return replace(examples, items=Parts(parts.values, there))


def arms_of(first: str, second: str) -> dict[str, Callable[[Episode, int], Tensor]]:
    """Every arm: a function of tasks and a seed to the accuracy of each task."""
    fusion, equal, ridge = Fusion(nn.Identity()), Fusion(nn.Identity(), equal=True), Ridge(nn.Identity())
    drop, swap, mixup = Plan("shots: 1 x drop(1)"), Plan("shots: 2 x swap_within_class"), Plan("shots: 2 x mixup(1)")
    noise = noise_like(mixup)

    def changed(plan: Plan) -> Callable[[Episode, int], Tensor]:
        return lambda e, seed: right(fusion, plan.apply(e, generator(seed, "mix")).support, e.query)

    arms: dict[str, Callable[[Episode, int], Tensor]] = {
        f"{first} alone": lambda e, _: right(fusion, only(e.support, first), only(e.query, first)),
        f"{second} alone": lambda e, _: right(fusion, only(e.support, second), only(e.query, second)),
        "both, side by side": lambda e, _: right(ridge, e.support, e.query),
        "both, equal weights": lambda e, _: right(equal, e.support, e.query),
        "both": lambda e, _: right(fusion, e.support, e.query),
        "both, late fusion": lambda e, _: late(e.support, e.query),
        "both + swap-within-class": changed(swap),
        "both + mixup": changed(mixup),
        "both + noise as far as mixup": lambda e, seed: right(fusion, noise(e, seed), e.query),
    }

    def missing(name: str, share: float, known: bool) -> Callable[[Episode, int], Tensor]:
        return lambda e, seed: right(fusion, e.support, without(e.query, name, share, seed, known))

    def dropped(name: str, share: float) -> Callable[[Episode, int], Tensor]:
        def judge(e: Episode, seed: int) -> Tensor:
            support = unmasked(drop.apply(e, generator(seed, "drop")).support)
            return right(fusion, support, without(e.query, name, share, seed, known=False))

        return judge

    def masked(name: str, share: float) -> Callable[[Episode, int], Tensor]:
        def judge(e: Episode, seed: int) -> Tensor:
            support = drop.apply(e, generator(seed, "drop")).support
            return right(fusion, support, without(e.query, name, share, seed, known=True))

        return judge

    for name, share in ((first, 1.0), (second, 1.0), ("any", 0.5)):
        what = f"no {name}" if share == 1 else "half lack a part"
        arms[f"{what}: zeros"] = missing(name, share, known=False)
        arms[f"{what}: zeros, drop in training"] = dropped(name, share)
        arms[f"{what}: fusion"] = missing(name, share, known=True)
        arms[f"{what}: fusion, drop in training"] = masked(name, share)
        arms[f"{what}: late fusion"] = lambda e, seed, name=name, share=share: late(  # type: ignore[misc]
            e.support, without(e.query, name, share, seed, known=True)
        )
    for known, word in ((False, "zeros"), (True, "fusion")):
        arms[f"half of the shots lack a part: {word}"] = lambda e, seed, known=known: right(  # type: ignore[misc]
            fusion, without(e.support, "any", 0.5, seed, known), e.query
        )
    arms["half of the shots lack a part: late fusion"] = lambda e, seed: late(
        without(e.support, "any", 0.5, seed, known=True), e.query
    )
    return arms


def measure(source: Source, shots: int, seeds: int, tasks: int) -> dict[str, np.ndarray]:
    """Accuracy `[seeds, tasks]` of each arm on tasks of features."""
    arms = arms_of(*source.store.names)  # type: ignore[union-attr]
    found: dict[str, list[np.ndarray]] = {arm: [] for arm in arms}
    for seed in range(seeds):
        disjoint = source.authors is not None
        sampler = EpisodeSampler(source, WAYS, shots, QUERIES, seed=seed, disjoint_authors=disjoint)
        episodes = [sampler.batch(first, BATCH) for first in range(0, tasks, BATCH)]
        for arm, judge in arms.items():
            rows = [judge(episode, 1000 * seed + number) for number, episode in enumerate(episodes)]
            found[arm].append(torch.cat(rows).numpy())
    return {arm: np.stack(rows) for arm, rows in found.items()}


def measure_mixgen(source: Source, seeds: int, tasks: int) -> dict[str, np.ndarray]:
    """The same of MixGen, whose pictures and texts have to be encoded, with noise as far in features beside it."""
    encoder, fusion = PartsEncoder(), Fusion(nn.Identity())
    plan, shots = Plan("shots: 2 x mixgen"), 2
    found: dict[str, list[np.ndarray]] = {arm: [] for arm in ("both", "both + MixGen", "both + noise as far as MixGen")}

    def encoded(examples: Examples) -> Examples:
        flat: Parts = examples.items[0]
        return replace(examples, items=encoder(flat).both(lambda value: value[None]))

    for seed in range(seeds):
        sampler = EpisodeSampler(source, WAYS, shots, QUERIES, seed=seed)
        rows: dict[str, list[Tensor]] = {arm: [] for arm in found}
        for task in range(tasks):
            episode = sampler.batch(task, 1).as_float()
            more = replace(episode, support=encoded(plan.apply(episode, generator(seed, "mix", task)).support))
            n = WAYS * shots
            plain = Episode(_first(more.support, n), encoded(episode.query), episode.classes)
            rows["both"].append(right(fusion, plain.support, plain.query))
            rows["both + MixGen"].append(right(fusion, more.support, plain.query))
            noisy = _noisy(more.support, n, seed, task)
            rows["both + noise as far as MixGen"].append(right(fusion, noisy, plain.query))
        for arm, values in rows.items():
            found[arm].append(torch.cat(values).numpy())
    return {arm: np.stack(values) for arm, values in found.items()}


def _first(examples: Examples, n: int) -> Examples:
    items = examples.items.both(lambda value: value[:, :n])
    return Examples(items, examples.labels[:, :n], examples.weight[:, :n], examples.class_mask)


def _noisy(mixed: Examples, n: int, seed: int, task: int) -> Examples:
    """Noise in place of the added examples: as far from their own, any way, with their own labels."""
    origin, parts = mixed.known_origin[:, n:], mixed.items
    for name in parts.names:
        value = parts[name]
        own = value[:, :n].gather(1, origin[..., None].expand(-1, -1, value.shape[2]))
        way = torch.randn(own.shape, generator=generator(seed, "noise", task))
        far = (value[:, n:] - own).norm(dim=-1, keepdim=True)
        parts = parts.replaced(name, torch.cat([value[:, :n], own + far * way / way.norm(dim=-1, keepdim=True)], 1))
    labels = mixed.labels[:, :n].gather(1, origin[..., None].expand(-1, -1, WAYS))
    return replace(mixed, items=parts, labels=torch.cat([mixed.labels[:, :n], labels], 1))


def beside_the_rest(found: dict[str, np.ndarray], first: str, second: str) -> dict[str, object]:
    """What it costs that a part is missing, beside the other part alone."""
    left = {f"no {first}: ": f"{second} alone", f"no {second}: ": f"{first} alone"}
    return {
        arm: paired_difference(rows, found[alone], most=1).as_dict()
        for arm, rows in found.items()
        for start, alone in left.items()
        if arm.startswith(start)
    }


def compared(found: dict[str, np.ndarray], base: str) -> dict[str, object]:
    """Accuracy of each arm, by seed as well, and its paired difference from one of them."""
    others = [arm for arm in found if arm != base]
    differences = {arm: paired_difference(found[arm], found[base], most=1) for arm in others}
    corrected = holm([one.p_value for one in differences.values()])
    return {
        "accuracy": {arm: float(rows.mean()) for arm, rows in found.items()},
        "by_seed": {arm: rows.mean(1).tolist() for arm, rows in found.items()},
        "against": base,
        "differences": {
            arm: one.as_dict() | {"p_value_holm": float(p)}
            for (arm, one), p in zip(differences.items(), corrected, strict=True)
        },
    }


def main() -> None:
    """Measure all arms of one set, or of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--set", choices=SETS, help="one of the two sets; both if not given")
    parser.add_argument("--quick", action="store_true", help="few tasks; writes nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in SETS if options.set is None else [options.set]:
        began = time.process_time()
        title, load, tasks, mixed = SETS[name]
        seeds, tasks, mixed = (2, 20, 2) if options.quick else (5, tasks, mixed)
        raw = half(load(options.root), reported=True)
        source = encode(PartsEncoder(), raw)
        found = {}
        for shots in (1, 2, 5):
            measured = measure(source, shots, seeds, tasks)
            left = beside_the_rest(measured, *source.store.names)  # type: ignore[union-attr]
            found[f"{shots} shots"] = compared(measured, "both") | {"against_the_other_part_alone": left}
            print(title, shots, found[f"{shots} shots"]["accuracy"], flush=True)
        one = {"classes": len(raw.class_names), "examples": len(raw), "seeds": seeds, "tasks": tasks, "shots": found}
        if name == "emoji":
            mixing = compared(measure_mixgen(raw, min(seeds, 3), mixed), "both")
            one["mixgen"] = mixing | {"seeds": min(seeds, 3), "tasks": mixed, "shots": 2}
            print(mixing["accuracy"], flush=True)
        one["cpu_seconds"] = time.process_time() - began
        if not options.quick:
            store(title, one)


def store(title: str, one: dict[str, object]) -> None:
    """Write a set's figures beside those of the other."""
    file = RESULTS / "parts.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    write(
        "parts",
        {
            "command": "python experiments/parts.py --root DATA",
            "ways": WAYS,
            "queries": QUERIES,
            "encoders": PartsEncoder().names,
            "sets": before.get("sets", {}) | {title: one},
        },
    )


SETS: dict[str, tuple[str, Callable[[Path], Source], int, int]] = {
    "emoji": ("emoji: picture + name", emoji, 20, 6),
    "digits": ("digits: spoken + written", digits, 20, 0),
}
"""Title, loader, tasks of each seed, and tasks of MixGen of each set."""


if __name__ == "__main__":
    main()
