"""Whether every answer of XQuAD is still there in more than 10,000 augmented paragraphs of each language.

    MANYSHOT_DATA=/path/to/data python experiments/xquad_answers.py

Writes results/xquad_answers.json: paragraphs, questions and answers, how many answers stand at the offset that the made
file tells, how many contexts and questions changed, and the CPU time of making the files.
"""

import json
import os
import tempfile
import time
from pathlib import Path

from run_and_record import write

from manyshot.augment import Plan
from manyshot.samples.augment_squad import augment_squad

COPIES = 42
PLANS = {
    "en": "shots: oneof(eda aeda cut_off shuffle_sentences typos ocr misspell case contract numbers dates) eda(p=0.5)",
    "zh": "shots: oneof(swap_words delete_words aeda cut_off shuffle_sentences homophones lookalikes widths numbers "
    "dates) swap_words(p=0.5)",
}


def judged(source: Path, made: Path) -> dict[str, int]:
    """Counts over the made file, by its own offsets."""
    before = {
        question["id"]: (question, paragraph["context"])
        for article in json.loads(source.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    }
    counts = dict.fromkeys(("paragraphs", "contexts_changed", "questions", "questions_changed", "answers", "intact"), 0)
    for article in json.loads(made.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            counts["paragraphs"] += 1
            counts["contexts_changed"] += context != before[paragraph["qas"][0]["source"]][1]
            for question in paragraph["qas"]:
                original, _ = before[question["source"]]
                counts["questions"] += 1
                counts["questions_changed"] += question["question"] != original["question"]
                for answer, old in zip(question["answers"], original["answers"], strict=True):
                    start = answer["answer_start"]
                    counts["answers"] += 1
                    counts["intact"] += old["text"] == context[start : start + len(old["text"])]
    return counts


def main() -> None:
    """Generate, evaluate, save."""
    result = {}
    for language, plan in PLANS.items():
        source = Path(os.environ["MANYSHOT_DATA"]) / "xquad" / f"xquad.{language}.json"
        with tempfile.TemporaryDirectory() as folder:
            generated = Path(folder) / "more.json"
            start = time.process_time()
            augment_squad(source, Plan(plan), COPIES, generated, seed=0)
            seconds = time.process_time() - start
            result[language] = {"plan": plan, **judged(source, generated), "cpu_seconds": round(seconds, 1)}
        print(language, result[language])
    write("xquad_answers", {"command": "python experiments/xquad_answers.py", "seed": 0, "languages": result})


if __name__ == "__main__":
    main()
