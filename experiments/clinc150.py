"""CLINC150: intents from one and five sentences, by a frozen MiniLM and a head, with and without augmentation.

Five divisions of the 150 intents: 75 to train augmenters and heads on, 25 to choose settings by, 50 to judge on.
Sentences are encoded once, augmented ones too; everything else happens on their vectors. Then all 150 intents at once,
from five and ten sentences each. Writes results/clinc150.json; a division that has been judged is not judged again.

    python experiments/clinc150.py --root DATA --work WORK
"""

import argparse
import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from run_and_record import write
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.learners import Learner, LinearProbe, Prototypes, Ridge
from manyshot.meta_augment import AUGMENTERS, LearnedAugmenter
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.nets import ENCODERS
from manyshot.tasks import EpisodeSampler, Examples, Source
from manyshot.training import Settings, fit
from manyshot.training.encode_source import encode, remember
from manyshot.training.seed_intervals import holm, mean_interval, paired_difference

DIVISIONS, COPIES, WIDTH = 5, 2, 384
SETTINGS = ((5, 1), (5, 5), (50, 1), (50, 5))
TASKS = {5: 200, 50: 40}
CHOOSING_TASKS = {5: 40, 25: 10}
PENALTIES = (0.1, 1.0)
STEPS, TASKS_PER_STEP, WAYS, SHOTS, QUERIES = 200, 2, 30, (1, 5), 5
RATE = 3e-4
PLANS = {"EDA": "shots: 2 x eda", "AEDA": "shots: 2 x aeda"}
"""Sentences that are made, with the settings of their papers for short sentences."""


def main() -> None:
    """Encode, train, choose, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds clinc150/data_full.json")
    parser.add_argument("--work", type=Path, required=True, help="where vectors and judged divisions are kept")
    parser.add_argument("--divisions", type=int, nargs="*", help="judge these alone and write no results")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    learning, judging = sources(options.root, options.work)
    for division in range(DIVISIONS) if options.divisions is None else options.divisions:
        judge(division, learning, judging, options.work)
    if options.divisions is not None:
        return
    result = [
        {name: json.loads((options.work / f"{division}-{name}.json").read_text()) for name in ARMS}
        for division in range(DIVISIONS)
    ]
    output = {
        "encoder": "all-MiniLM-L6-v2, frozen",
        "divisions": DIVISIONS,
        "classes": {"training": 75, "validation": 25, "test": 50},
        "tasks": TASKS,
        "copies": COPIES,
        "steps": STEPS,
        "cpu_seconds_of_training": {name: float(np.mean([d[name]["seconds"] for d in result])) for name in ARMS},
        "chosen": [{name: d[name]["chosen"] for name in ARMS} for d in result],
        "few": {f"{ways}-way {shots}-shot": compared(result, f"{ways}-{shots}") for ways, shots in SETTINGS},
        "all_intents": all_intents(options.root),
    }
    write("clinc150", output)


def sources(root: str, work: Path) -> tuple[Source, Source]:
    """Vectors of the official training sentences, and of the test sentences beside those of their variants."""
    encoder = ENCODERS["minilm"]().make(0, 0, "batch")
    remember(encoder, load_dataset("clinc150", "all", root=root))
    learning = encode(encoder, load_dataset("clinc150", "train", root=root))
    test = load_dataset("clinc150", "test", root=root)
    path = work / "made.safetensors"
    if not path.exists():
        generated = {}
        for name, plan in PLANS.items():
            op, texts = (
                Plan(plan).item_op(),
                [text for text in test.gather(range(len(test))) for _ in range(COPIES)],
            )
            changed = op.apply(texts, op.sample(len(texts), generator(0, name)))
            generated[name] = encoder(changed).reshape(len(test), COPIES * WIDTH)
        save_file(generated, path)
    generated = load_file(path)
    vectors = torch.cat([encode(encoder, test).store, *(generated[name] for name in PLANS)], 1)
    return learning, replace(test, store=vectors, rows=np.arange(len(test)))


@dataclass(frozen=True)
class Arm:
    """One way to use a support set.

    Args:
        support: vectors `[T, n, d (1 + 2 COPIES)]` of sentences and their variants to what the head learns from.
        seen: vectors to those that the head sees.
        heads: to choose from.
    """

    support: Callable[[Examples, torch.Generator], Examples]
    seen: Callable[[Tensor], Tensor] = lambda z: z
    heads: tuple[str, ...] = ("prototypes", *(f"ridge({p})" for p in PENALTIES))


def judge(division: int, learning: Source, judging: Source, work: Path) -> None:
    """Train each arm on a division's training classes, choose on its validation classes, judge on the rest."""
    names = np.array(learning.class_names)[torch.randperm(150, generator=generator(division, "classes")).numpy()]
    train, held_out = learning.subset(classes=names[:75]), learning.subset(classes=names[75:100])
    validation, test = judging.subset(classes=names[75:100]), judging.subset(classes=names[100:])
    for name, make in ARMS.items():
        path = work / f"{division}-{name}.json"
        if path.exists():
            continue
        began = time.process_time()
        settings = make(division, train, held_out)
        seconds = time.process_time() - began
        options = [(s, head) for s, arm in settings.items() for head in arm.heads]
        chosen, accuracy = {}, {}
        for ways, shots in SETTINGS:
            key, fewer = f"{ways}-{shots}", min(ways, 25)
            choosing = EpisodeSampler(validation, fewer, shots, 10, seed=division)
            tasks = EpisodeSampler(test, ways, shots, 10, seed=division)
            scores = [right(settings[s], head, choosing, CHOOSING_TASKS[fewer]).mean() for s, head in options]
            best, head = options[int(np.argmax(scores))]
            chosen[key] = f"{best} {head}".strip()
            accuracy[key] = right(settings[best], head, tasks, TASKS[ways]).tolist()
            print(division, key, name, chosen[key], f"{np.mean(accuracy[key]):.4f}", flush=True)
        path.write_text(json.dumps({"chosen": chosen, "accuracy": accuracy, "seconds": seconds}))


Make = Callable[[int, Source, Source], dict[str, Arm]]
"""Trains what an arm needs (of a division, its training and its validation classes) to the settings to choose from."""


def fixed(settings: dict[str, Arm]) -> Make:
    """Nothing to train."""
    return lambda division, train, held_out: settings


def calibration(division: int, train: Source, held_out: Source) -> dict[str, Arm]:
    """Statistics of the training classes."""
    augmenter = AUGMENTERS.parse("calibration").build(shape=(WIDTH,))
    augmenter.fit_statistics(train)
    return {"": augmenting(augmenter)}


def hallucinator(division: int, train: Source, held_out: Source, noise: str = "") -> dict[str, Arm]:
    """A network that adds to a vector, trained through a ridge regression."""
    torch.manual_seed(division)
    augmenter = AUGMENTERS.parse(f"hallucinator{noise}").build(shape=(WIDTH,))
    meta_trained(AugmentedLearner(features(Ridge(nn.Identity())), augmenter, COPIES), division, train, held_out)
    return {"": augmenting(augmenter)}


@cache
def head_learned(division: int, train: Source, held_out: Source) -> Prototypes:
    """A linear map before prototypes, from the identity on; trained once."""
    head = Prototypes(nn.Linear(WIDTH, WIDTH, bias=False), temperature=0.1)
    nn.init.eye_(head.encoder.weight)
    meta_trained(head, division, train, held_out)
    return head


def learned_head(division: int, train: Source, held_out: Source) -> dict[str, Arm]:
    """The map alone."""
    encoder = head_learned(division, train, held_out).encoder
    return {"": Arm(lambda support, _: mapped(plain(support), encoder), encoder)}


def combination(division: int, train: Source, held_out: Source) -> dict[str, Arm]:
    """The map, and then a hallucinator behind it, trained on together."""
    head = deepcopy(head_learned(division, train, held_out))
    torch.manual_seed(division)
    augmenter = AUGMENTERS.parse("hallucinator").build(shape=(WIDTH,))
    meta_trained(AugmentedLearner(head, augmenter, COPIES, joint=True), division, train, held_out)
    return {"": augmenting(augmenter, head.encoder)}


def features(learner: Learner) -> Learner:
    """The learner on vectors as they are."""
    return learner.on_features()[1]


def meta_trained(learner: Learner, division: int, train: Source, held_out: Source) -> None:
    """Train on tasks of the training classes; the best weights on those of the validation classes are kept."""
    torch.manual_seed(division)
    tasks = EpisodeSampler(train, WAYS, SHOTS, QUERIES, seed=division)
    validation = EpisodeSampler(held_out, 25, 1, QUERIES, seed=0)
    settings = Settings(STEPS, TASKS_PER_STEP, RATE, eval_every=100, validation_tasks=20, seed=division)
    objective = AugmenterObjective() if isinstance(learner, AugmentedLearner) else None
    fit(learner, tasks, settings, validation=validation, title=f"division {division}", objective=objective)
    learner.eval()


@torch.no_grad()
def right(arm: Arm, head: str, tasks: EpisodeSampler, count: int) -> np.ndarray:
    """The accuracy of each task."""
    penalty = float(head[6:-1]) if head.startswith("ridge") else 0.0
    learner = features(Ridge(nn.Identity(), penalty) if penalty else Prototypes(nn.Identity()))
    result = []
    for number, episode in enumerate(tasks.batches(count, 10)):
        support = arm.support(episode.support, generator(0, "draws", number))
        answers = learner.adapt(support)(arm.seen(episode.query.items[..., :WIDTH])).argmax(-1)
        result.append((answers == episode.query.class_ids).double().mean(1))
    return torch.cat(result).numpy()


def plain(support: Examples) -> Examples:
    """The sentences alone."""
    return replace(support, items=support.items[..., :WIDTH])


def mapped(support: Examples, encoder: nn.Module) -> Examples:
    """Through a learned map."""
    return replace(support, items=encoder(support.items))


def repeated(support: Examples, items: Tensor, weight: float) -> Examples:
    """Made items with the labels of their sources and so much weight together beside one of them."""
    generated = replace(
        support,
        items=items,
        labels=support.labels.repeat_interleave(COPIES, 1),
        weight=support.weight.repeat_interleave(COPIES, 1) * weight / COPIES,
    )
    return support.joined(generated)


def with_sentences(support: Examples, place: int, weight: float) -> Examples:
    """The variants that a plan has made of each sentence."""
    first = WIDTH * (1 + place * COPIES)
    generated = support.items[..., first : first + COPIES * WIDTH].unflatten(-1, (COPIES, WIDTH)).flatten(1, 2)
    return repeated(plain(support), generated, weight)


def with_noise(support: Examples, draws: torch.Generator, ratio: float, weight: float) -> Examples:
    """Normal noise whose length is a share of the vectors', which is 1."""
    items = support.items.repeat_interleave(COPIES, 1)
    noise = ratio / WIDTH**0.5 * torch.randn(items.shape, generator=draws)
    return repeated(support, items + noise, weight)


def with_mixup(support: Examples, draws: torch.Generator, alpha: float, weight: float) -> Examples:
    """Each sentence mixed with others of its task, and the labels with theirs."""
    generated = repeated(support, support.items.repeat_interleave(COPIES, 1), weight)
    real = support.weight.shape[1]
    items, labels = generated.items.clone(), generated.labels.clone()
    partner = torch.randint(real, (len(items), items.shape[1] - real), generator=draws)
    share = torch.from_numpy(np.random.default_rng(int(partner.sum())).beta(alpha, alpha, partner.shape)).float()
    for values in (items, labels):
        other = torch.take_along_dim(values[:, :real], partner[..., None], 1)
        values[:, real:] = torch.lerp(other, values[:, real:], share[..., None])
    return replace(generated, items=items, labels=labels)


def augmenting(augmenter: LearnedAugmenter, encoder: nn.Module | None = None) -> Arm:
    """An augmenter of vectors, perhaps behind a learned map."""
    seen = encoder or nn.Identity()

    def support(examples: Examples, draws: torch.Generator) -> Examples:
        real = mapped(plain(examples), seen)
        return real.joined(augmenter.make(real, COPIES, draws))

    return Arm(support, seen)


SHARES = (0.25, 1.0)
"""Weights of all made items of a sentence beside the sentence, to choose from."""

ARMS: dict[str, Make] = {
    "nothing": fixed({"": Arm(lambda support, _: plain(support))}),
    **{
        name: fixed({f"weight={w}": Arm(lambda s, _, p=place, w=w: with_sentences(s, p, w)) for w in SHARES})
        for place, name in enumerate(PLANS)
    },
    "noise": fixed({f"noise={r}": Arm(lambda s, g, r=r: with_noise(plain(s), g, r, 1.0)) for r in (0.3, 1.0)}),
    "mixup": fixed({f"weight={w}": Arm(lambda s, g, w=w: with_mixup(plain(s), g, 1.0, w)) for w in SHARES}),
    "hallucinator": hallucinator,
    "hallucinator without noise": partial(hallucinator, noise="(noise_scale=0)"),
    "learned head": learned_head,
    "learned head and hallucinator": combination,
    "calibration": calibration,
}


def compared(found: list[dict], key: str) -> dict:
    """Every arm's accuracy over divisions and tasks, against nothing and against noise."""
    accuracy = {name: np.array([d[name]["accuracy"][key] for d in found]) for name in ARMS}
    answers = {}
    for base in ("nothing", "noise"):
        others = [name for name in accuracy if name != base]
        gaps = {name: paired_difference(accuracy[name], accuracy[base]) for name in others}
        corrected = holm([gap.p_value for gap in gaps.values()])
        for (name, gap), p in zip(gaps.items(), corrected, strict=True):
            answers.setdefault(name, {})[f"against_{base}"] = gap.as_dict() | {"p_value_holm": p}
    return {
        name: {"accuracy": float(a.mean()), "interval": mean_interval(a.mean(1)), "by_division": a.mean(1).tolist()}
        | answers[name]
        for name, a in accuracy.items()
    }


@torch.no_grad()
def all_intents(root: str) -> dict:
    """All 150 intents from few sentences each, judged on the official test; the head is chosen on the validation."""
    encoder = ENCODERS["minilm"]().make(0, 0, "batch")
    remember(encoder, load_dataset("clinc150", "all", root=root))
    train, validation, test = (
        encode(encoder, load_dataset("clinc150", s, root=root)) for s in ("train", "validation", "test")
    )
    heads = {"prototypes": Prototypes(nn.Identity())}
    heads |= {f"ridge({p})": Ridge(nn.Identity(), p) for p in (0.1, 0.3, 1.0, 3.0)}
    heads |= {f"logistic regression, penalty {p}": LinearProbe(nn.Identity(), penalty=p) for p in (0.01, 0.03, 0.1)}
    result = {}
    for shots in (5, 10):
        scores: dict[str, list[list[float]]] = {}
        for seed in range(DIVISIONS):
            support = EpisodeSampler(train, 150, shots, 1, seed=seed).batch(0, 1)
            for name, head in heads.items():
                classifier = features(head).adapt(support.support)
                order = support.classes[0]
                pair = [
                    float(
                        (order[classifier(part.store[None])[0].argmax(-1)] == torch.from_numpy(part.labels))
                        .double()
                        .mean()
                    )
                    for part in (validation, test)
                ]
                scores.setdefault(name, []).append(pair)
        best = max(scores, key=lambda name: np.mean([pair[0] for pair in scores[name]]))
        reached = np.array([pair[1] for pair in scores[best]])
        result[f"{shots}-shot"] = {
            "head": best,
            "accuracy": float(reached.mean()),
            "interval": mean_interval(reached),
            "every_head": {name: float(np.mean([pair[1] for pair in pairs])) for name, pairs in scores.items()},
        }
    return result


if __name__ == "__main__":
    main()
