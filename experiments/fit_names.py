"""What names of classes are worth in `fit`, at 1 to 10 examples of a class, and where they should not be used.

Examples of a few classes are drawn at random, the candidates are chosen and judged as `fit` does it, on others of the
same classes: without names, with names where the examples agree with them, always, and with names of other classes.
All arms see the same draws. Strengths of names are measured on the sets to choose on (`--prior`, which writes them to
src/manyshot/classify/choose/candidate_prior.json), results on the others. Writes results/fit_names.json after each set.

    python experiments/fit_names.py --root DATA [--sets cifar-fs ...] [--prior] [--quick]
"""

import argparse
import io
import json
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from run_and_record import RESULTS, write

from manyshot.base import parse_json, read_json
from manyshot.classify.choose.candidate_prior import load_prior
from manyshot.classify.choose.candidates import NO_PLAN, Candidate, settings
from manyshot.classify.choose.choose_candidate import choose
from manyshot.classify.choose.choose_names import choose_names
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.choose.zero_shot_names import ClassDirections, NameTerm, class_directions
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.encode.frozen_encoders import available, encoders_to_try
from manyshot.classify.encode.plan_encoding import Pass, encode_passes
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.examples.read_examples import examples_from_arrays, load_examples
from manyshot.training import holm, paired_difference

RESULT = RESULTS / "fit_names.json"
PRIOR = Path(__file__).resolve().parents[1] / "src/manyshot/classify/choose/candidate_prior.json"
SHOTS, QUERIES, PER_CLASS = (1, 2, 5, 10), 5, 15
STRENGTHS = (0.125, 0.25, 0.5, 1.0, 2.0)
ARMS = ("without names", "names, auto", "names, always", "another class's name, auto", "another class's name, always")


@dataclass(frozen=True, eq=False)
class Encoded:
    """A data set: features, labels, and what is said of its classes."""

    kind: str
    features: EncodedExamples
    labels: np.ndarray
    texts: tuple[str, ...]
    said: ClassDirections


def encoded(
    examples: ExampleSet,
    texts: tuple[str, ...] | None = None,
    passes: Sequence[Pass] | None = None,
    most: int | None = None,
) -> Encoded:
    """At most 15 examples of each class, drawn at random, as they are by all encoders, or by other passes.

    With `most`, of so many classes, drawn at random.
    """
    random, rows = np.random.default_rng(0), []
    texts = examples.class_texts if texts is None else texts
    if most is not None and len(texts) > most:
        kept = np.sort(random.permutation(len(texts))[:most])
        place = np.full(len(texts), -1)
        place[kept] = np.arange(most)
        few = examples.select(place[examples.labels] >= 0)
        names = tuple(examples.class_names[c] for c in kept)
        examples = replace(few, labels=place[few.labels], class_names=names)
        texts = tuple(texts[c] for c in kept)
    for label in range(len(examples.class_names)):
        rows += random.permutation(np.flatnonzero(examples.labels == label))[:PER_CLASS].tolist()
    few = examples.select(rows)
    passes = passes or [Pass(name) for name in available(few.kind) if name != "ngrams"]
    bank = encode_passes(few, passes)
    said = class_directions(few.kind, bank.encoders, texts)
    assert said is not None
    return Encoded(few.kind, bank, few.labels, texts, said)


def cifar_fs(root: Path, part: str, **how: Any) -> Encoded:
    """Photographs of 32 pixels."""
    return encoded(load_examples(root / "cifar_fs" / "images.zip", split=part), **how)


def folder(root: Path, path: str, **how: Any) -> Encoded:
    """Pictures in folders named by class."""
    return encoded(load_examples(root / path), **how)


def emoji(root: Path, part: int, named: bool = True, **how: Any) -> Encoded:
    """Emoji by seven vendors: two of eight parts by subgroup; their names, or their codes."""
    examples = load_examples(root / "emoji" / "images.zip")
    rows = parse_json((root / "emoji" / "names.json").read_bytes(), "names.json", list)
    known = {row["code"]: row for row in rows}
    kept = [c for c, code in enumerate(examples.class_names) if known[code]["subgroup"] % 8 == part]
    names = [examples.class_names[c] for c in kept]
    place = np.full(len(examples.class_names), -1)
    place[kept] = np.arange(len(kept))
    few = examples.select(place[examples.labels] >= 0)
    few = replace(few, labels=place[few.labels], class_names=tuple(names))
    return encoded(few, tuple(known[code]["name"] for code in names) if named else None, **how)


def letters(root: Path, **how: Any) -> Encoded:
    """Handwritten letters of Omniglot with their names in Unicode, which say nothing of their shapes."""
    first = {"Greek": 0x3B1, "Hebrew": 0x5D0, "Latin": ord("a")}
    pictures, labels, names = [], [], {}
    with zipfile.ZipFile(root / "omniglot" / "images_background.zip") as archive:
        for alphabet, code in first.items():
            letters = (unicodedata.name(chr(code + place)).lower() for place in range(27))
            ordered = [name for name in letters if "final" not in name]
            for file in sorted(archive.namelist()):
                parts = file.split("/")
                if parts[1] == alphabet and file.endswith(".png"):
                    with Image.open(io.BytesIO(archive.read(file))) as image:
                        pictures.append(image.convert("RGB"))
                    labels.append("/".join(parts[1:3]))
                    names[labels[-1]] = ordered[int(parts[2].removeprefix("character")) - 1]
    return encoded(examples_from_arrays(pictures, labels), tuple(names[label] for label in sorted(names)), **how)


def clinc150(root: Path, judged: bool) -> Encoded:
    """Sentences: the intents of three domains, or of the seven others."""
    rows = json.loads((root / "clinc150" / "data_full.json").read_text())["train"]
    domains = json.loads((root / "clinc150" / "domains.json").read_text())
    chosen = {label for d, name in enumerate(sorted(domains)) if (d < 3) == judged for label in domains[name]}
    texts, labels = zip(*[row for row in rows if row[1] in chosen], strict=True)
    return encoded(examples_from_arrays(list(texts), list(labels)))


TO_CHOOSE: dict[str, Callable[[Path], Encoded]] = {
    "cifar-fs": partial(cifar_fs, part="train"),
    "emoji": partial(emoji, part=1),
    "clinc150": partial(clinc150, judged=False),
}
CASES: dict[str, tuple[Callable[[Path], Encoded], int]] = {
    "CIFAR-FS, validation classes": (partial(cifar_fs, part="val"), 5),
    "emoji, named": (partial(emoji, part=3), 5),
    "emoji, named by codes": (partial(emoji, part=3, named=False), 5),
    "handwritten letters (Omniglot)": (letters, 5),
    "white blood cells": (partial(folder, path="blood_cells/images.zip"), 4),
    "kinds of medical images": (partial(folder, path="mednist/images.zip"), 5),
    "CLINC150, other domains": (partial(clinc150, judged=True), 20),
}


def draws(data: Encoded, ways: int, shots: int, seed: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Classes, and rows `[ways, shots + queries]`, of some draws."""
    random = np.random.default_rng((seed, shots))
    sizes = np.bincount(data.labels)
    for _ in range(count):
        classes = random.permutation(np.flatnonzero(sizes > shots))[:ways]
        most = min(QUERIES, int(sizes[classes].min()) - shots)
        yield classes, np.stack([random.permutation(np.flatnonzero(data.labels == c))[: shots + most] for c in classes])


def candidates(data: Encoded) -> list[Candidate]:
    """Ridge on all encoders joined, or on each of sentences, without variants."""
    name = encoders_to_try(data.features.encoders)[-1] if data.kind == "pictures" else "minilm"
    heads = [f"ridge(penalty={penalty:g})" for penalty in (1e-2, 1e-1, 1)]
    return [Candidate(name, setting) for setting in settings(data.kind, heads, {})]


def few(data: Encoded, classes: np.ndarray, rows: np.ndarray) -> tuple[EncodedExamples, np.ndarray, ClassDirections]:
    """Features, labels and directions of some examples."""
    vectors = {name: vectors[torch.from_numpy(classes)] for name, vectors in data.said.vectors.items()}
    labels = np.arange(len(classes)).repeat(rows.shape[1])
    return data.features.select(torch.from_numpy(rows.ravel())), labels, replace(data.said, vectors=vectors)


def judged(data: Encoded, ways: int, shots: int, seed: int, count: int) -> np.ndarray:
    """Accuracy `[draws, arms]` on queries."""
    prior, result = load_prior(data.kind), []
    for classes, rows in draws(data, ways, shots, seed, count):
        features, labels, said = few(data, classes, rows[:, :shots])
        examples = LabeledFeatures(features, labels, seed=seed)
        choice = choose(examples, candidates(data), prior)
        both, targets, _ = few(data, classes, rows)
        seen = torch.zeros(1, *rows.shape, dtype=torch.float64)
        seen[..., :shots] = 1
        seen = seen.flatten(1)
        ((_, own),) = LabeledFeatures(both, targets).left_out_logits([choice.candidate], seen)
        row = []
        for names, always in (
            (None, False),
            (said, False),
            (said, True),
            (said.of_others(), False),
            (said.of_others(), True),
        ):
            logits = own[0]
            if names is not None:
                found = choose_names(examples, choice, names, prior, always=always)
                assert found is not None
                logits = logits + NameTerm(names, found.scale).logits(both, choice.candidate, seen)[0]
            row.append(float((logits.argmax(1).numpy() == targets)[seen[0].numpy() == 0].mean()))
        result.append(row)
    return np.array(result)


def run(data: Encoded, ways: int, seeds: int, count: int) -> dict[str, object]:
    """Every number of shots."""
    rows: dict[str, object] = {}
    for shots in SHOTS:
        if (np.bincount(data.labels) > shots).sum() < ways:
            continue
        accuracy = np.stack([judged(data, ways, shots, seed, count) for seed in range(seeds)])
        first = accuracy[..., 0]
        found = {arm: paired_difference(accuracy[..., i], first, most=1) for i, arm in enumerate(ARMS) if i}
        corrected = dict(zip(found, holm([one.p_value for one in found.values()]), strict=True))
        rows[str(shots)] = {
            "accuracy": dict(zip(ARMS, accuracy.mean((0, 1)).tolist(), strict=True)),
            "by_seed": {arm: accuracy[..., i].mean(1).tolist() for i, arm in enumerate(ARMS)},
            "worst_draw": {arm: float((accuracy[..., i] - first).min()) for i, arm in enumerate(ARMS)},
            "against_without": {
                arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in found.items()
            },
        }
        print(ways, shots, dict(zip(ARMS, accuracy.mean((0, 1)).round(3).tolist(), strict=True)), flush=True)
    return {"ways": ways, "classes": len(data.texts), "examples": len(data.labels), "shots": rows}


def gains(data: Encoded, ways: int, shots: int, count: int) -> np.ndarray:
    """Gain `[draws, strengths]` at each strength in the draws whose examples agree with the names."""
    from manyshot.classify.choose.choose_names import Terms, agrees

    candidate, result = candidates(data)[-1], []
    for classes, rows in draws(data, ways, shots, 100, count):
        both, targets, said = few(data, classes, rows)
        seen = torch.zeros(1, *rows.shape, dtype=torch.float64)
        seen[..., :shots] = 1
        seen, labels = seen.flatten(1), torch.from_numpy(targets)
        terms = Terms.of(LabeledFeatures(both, targets), candidate, seen, said)
        if not bool(agrees(terms.said, labels, seen)[0]):
            continue
        logits = [terms.own[0] + strength * terms.ratio[0] * terms.said[0] for strength in (0.0, *STRENGTHS)]
        right = [float((one.argmax(1) == labels)[seen[0] == 0].double().mean()) for one in logits]
        result.append(np.array(right[1:]) - right[0])
    return np.array(result)


def write_prior(root: Path, count: int) -> None:
    """Measure the gain at each strength on the sets to choose on, and store mean and deviation."""
    tables = json.loads(PRIOR.read_text())
    found = {name: load(root) for name, load in TO_CHOOSE.items()}
    for kind in tables:
        chosen = [data for data in found.values() if data.kind == kind]
        by_shots = {}
        for shots in SHOTS:
            each = [g for data in chosen for ways in (5, 10) if len(g := _enough(data, ways, shots, count))]
            # Between sets, and where there are few of them between draws, halved: a set is a mean over many.
            by_shots[str(shots)] = np.mean([g.mean(0) for g in each], 0), np.mean([g.std(0) for g in each], 0) / 2
            print(kind, shots, by_shots[str(shots)][0].round(3), by_shots[str(shots)][1].round(3), flush=True)
        tables[kind]["names"] = {
            f"{strength:g}": {
                shots: [round(float(mean[i]), 5), round(float(sd[i]), 5)] for shots, (mean, sd) in by_shots.items()
            }
            for i, strength in enumerate(STRENGTHS)
        }
    PRIOR.write_text(json.dumps(tables, indent=1) + "\n")


def _enough(data: Encoded, ways: int, shots: int, count: int) -> np.ndarray:
    enough = (np.bincount(data.labels) > shots + 1).sum() >= ways
    return gains(data, ways, shots, count) if enough else np.zeros((0, len(STRENGTHS)))


def main() -> None:
    """Measure strengths, or run the cases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=CASES, help="those without results if not given")
    parser.add_argument("--prior", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, count = (2, 3) if options.quick else (3, 16)
    if options.prior:
        write_prior(options.root, 4 * count)
        return
    whole = read_json(RESULT) if RESULT.exists() and not options.quick else {}
    sets = whole.get("sets", {}) if isinstance(whole, dict) else {}
    for name in options.sets or [name for name in CASES if name not in sets]:
        began, (load, ways) = time.process_time(), CASES[name]
        print(name, flush=True)
        sets[name] = run(load(options.root), ways, seeds, count)
        sets[name]["cpu_seconds"] = time.process_time() - began
        if not options.quick:
            command = "python experiments/fit_names.py --root DATA"
            write("fit_names", {"command": command, "seeds": seeds, "draws": count, "plan": NO_PLAN, "sets": sets})


if __name__ == "__main__":
    main()
