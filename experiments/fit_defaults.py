"""What `fit` knows before it sees a user's examples: how encoders and settings did on public data sets.

For each data set, number of examples per class and random draw of the examples, every setting that `fit` may choose is
fitted and judged on other examples. Writes results/fit_defaults.json (accuracy by data set) and
src/manyshot/classify/prior.json (mean gain and its standard deviation between data sets), which ships with the package.

    python experiments/fit_defaults.py --root DATA
"""

import argparse
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from circumstances import write
from few_example_sets import PICTURES, SENTENCES, SHOTS, draws
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.classify.candidates import VARIANTS, settings
from manyshot.classify.encoding import Pass, encode_passes
from manyshot.classify.example_set import Kind
from manyshot.classify.feature_bank import FeatureBank
from manyshot.classify.frozen_encoders import available
from manyshot.classify.heads import HEADS, Head
from manyshot.classify.heads.span import decompose
from manyshot.classify.resample import join_views

PRIOR = Path(__file__).resolve().parents[1] / "src/manyshot/classify/prior.json"
SMALLEST_SD = 0.005
MANY = 10
"""Examples per class from which on a third of the draws is made, since they vary less and take longer."""
Table = dict[str, dict[str, dict[str, dict[str, float]]]]


def main() -> None:
    """Encode, fit, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=Path, help="the folder that holds the data sets")
    parser.add_argument("--draws", type=int, default=10, help="draws of the examples")
    options = parser.parse_args()
    accuracy: dict[str, Table] = {}
    for kind, sets in (("pictures", PICTURES), ("sentences", SENTENCES)):
        accuracy[kind] = {}
        for name, load in sets.items():
            start = time.process_time()
            accuracy[kind][name] = judge_set(load(options.root), options.draws)
            print(f"{name}: {time.process_time() - start:.0f} CPU s", flush=True)
    write("fit_defaults", {"draws": options.draws, "accuracy": accuracy})
    PRIOR.write_text(json.dumps({kind: prior_tables(table) for kind, table in accuracy.items()}, indent=1) + "\n")


def judge_set(examples, count: int) -> dict[str, dict[str, dict[str, float]]]:
    """Mean accuracy by encoder, shots and setting."""
    encoders, bank = available(examples.kind), encode_passes(examples, all_passes(examples.kind))
    names = [*encoders, *("+".join(encoders[:size]) for size in range(2, len(encoders) + 1))]
    result: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for shots in SHOTS:
        number = count if shots < MANY else max(count // 3, 1)
        for fit, test in draws(examples.labels, shots, number):
            for name in names:
                row = result[name].setdefault(str(shots), {})
                for key, value in accuracies(bank, examples.labels, name, examples.kind, fit, test).items():
                    row[key] = row.get(key, 0.0) + value / number
    return {
        name: {shots: {key: round(value, 5) for key, value in row.items()} for shots, row in rows.items()}
        for name, rows in result.items()
    }


def all_passes(kind: Kind) -> list[Pass]:
    """All that `fit` would encode if it had the time."""
    plans = VARIANTS if kind == "pictures" else {}
    encoders = available(kind)
    passes = [Pass(encoder) for encoder in encoders]
    return passes + [Pass(encoder, plan, copies) for plan, copies in plans.items() for encoder in encoders]


def accuracies(bank: FeatureBank, labels: np.ndarray, encoder: str, kind: Kind, fit: np.ndarray, test: np.ndarray):
    """Accuracy on `test` of every setting fitted to `fit`; as `fit_model` would have it, and many at once."""
    classes = int(labels.max()) + 1
    training, testing = bank.select(torch.from_numpy(fit)), bank.select(torch.from_numpy(test))
    targets = F.one_hot(torch.from_numpy(labels[fit]), classes).double()
    truth, result = torch.from_numpy(labels[test]), {}
    groups: dict[tuple, list] = {}
    for setting in settings(kind):
        groups.setdefault((setting.transform, setting.variants), []).append(setting)
    for (transform, _), chosen in groups.items():
        each, w = 1 + chosen[0].copies, training.row_weights(chosen[0])[None]
        x, queries = (part.rows(encoder, chosen[0]) for part in (training, testing))
        fitted = [transform.fit(block, w) for block in x]
        rows = torch.cat([one(block) for one, block in zip(fitted, x, strict=True)], 2)
        span = decompose(rows, w)
        at = torch.cat([one(block) for one, block in zip(fitted, queries, strict=True)], 2)
        at = (at - span.mean[:, None]) @ span.axes.mT
        families: dict[type[Head], list] = {}
        for setting in chosen:
            families.setdefault(type(HEADS.build(setting.head)), []).append(setting)
        for family, members in families.items():
            heads = [setting.build_head() for setting in members]
            fits = family.fit_each(heads, span, targets.repeat_interleave(each, 0), w)
            for setting, classify in zip(members, fits, strict=True):
                logits: Float[Tensor, "n v c"] = classify(at)[0].unflatten(0, (len(test), each))
                right = join_views(logits, setting).argmax(1) == truth
                result[setting.key] = float(right.double().mean())
    return result


def prior_tables(accuracy: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> dict[str, dict]:
    """Mean and standard deviation over data sets of the gains of encoders and settings.

    The gain of a setting is over the mean of all settings, averaged over encoders; that of an encoder is over the
    first encoder, averaged over settings.

    Args:
        accuracy: By data set, encoder, shots and setting.
    """
    encoders: dict[str, dict[str, list[float]]] = {}
    chosen: dict[str, dict[str, list[float]]] = {}
    for rows in accuracy.values():
        first = next(iter(rows))
        for shots in rows[first]:
            keys = list(rows[first][shots])
            mean = {name: float(np.mean([rows[name][shots][key] for key in keys])) for name in rows}
            for name in rows:
                encoders.setdefault(name, {}).setdefault(shots, []).append(mean[name] - mean[first])
            for key in keys:
                gain = float(np.mean([rows[name][shots][key] - mean[name] for name in rows]))
                chosen.setdefault(key, {}).setdefault(shots, []).append(gain)
    return {"encoders": _moments(encoders), "settings": _moments(chosen)}


def _moments(gains: Mapping[str, Mapping[str, list[float]]]) -> dict[str, dict[str, list[float]]]:
    def moments(values: list[float]) -> list[float]:
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return [round(float(np.mean(values)), 5), round(math.hypot(sd, SMALLEST_SD), 5)]

    return {name: {shots: moments(values) for shots, values in row.items()} for name, row in gains.items()}


if __name__ == "__main__":
    main()
