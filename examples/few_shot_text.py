"""Sentences of one's own: read a table, evaluate a frozen encoder with and without augmentation, write new ones."""

import csv
import tempfile
from pathlib import Path

from manyshot import EpisodeSampler, Plan, evaluate, load_dataset
from manyshot.learners import Ridge
from manyshot.nets import ENCODERS
from manyshot.samples.export_text import export_sentences

TOPICS = {
    "weather": ("will it rain today", "is it cold outside", "how hot is it in rome", "do i need an umbrella"),
    "music": ("play some jazz", "turn the song up", "who sings this", "skip to the next track"),
    "money": ("what is my balance", "pay my phone bill", "send ten euros to anna", "is my card blocked"),
}

with tempfile.TemporaryDirectory() as folder:
    table = Path(folder) / "requests.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((t, topic) for topic, texts in TOPICS.items() for t in texts)])

    learner = Ridge(ENCODERS.build("ngrams(512)"))  # "minilm" knows meanings
    tasks = EpisodeSampler(load_dataset(table), ways=3, shots=1, queries=3)
    for plan in ("none", "shots: 4 x aeda"):
        print(f"{plan}: {evaluate(learner, tasks.batches(50), Plan(plan)).mean:.1%}")

    made = export_sentences(table, Plan("shots: aeda"), per_class=3, out=Path(folder) / "more.csv")
    print(made.path.read_text().splitlines()[1])
