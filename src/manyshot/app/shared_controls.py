"""What the tabs of the page share."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from manyshot.app.collection import Collection, sentences_of
from manyshot.classify.examples.example_set import ExampleSet

PICTURES, SENTENCES = "Pictures", "Sentences"
PICTURE_TYPES = ["image", ".zip"]
TABLE_TYPES = [".csv", ".tsv", ".jsonl", ".zip"]


@dataclass(frozen=True)
class Shared:
    """Components and states that several tabs read.

    Args:
        kind: Choice between `PICTURES` and `SENTENCES`.
        collection: State: the `Collection` of pictures.
        sentences: Table of sentences and their classes.
        fitted: State: `Fitted`, or None as long as there is no classifier.
        plan: Text of the plan of the tab "Augment".
    """

    kind: gr.Radio
    collection: gr.State
    sentences: gr.Dataframe
    fitted: gr.State
    plan: gr.Textbox


def gather(kind: str, collection: Collection, rows: Sequence[Sequence[str]]) -> ExampleSet:
    """The labeled examples on the page.

    Args:
        kind: `PICTURES` or `SENTENCES`.
        collection: The pictures.
        rows: The sentences.

    Raises:
        InputError: If there are too few.
    """
    return collection.examples() if kind == PICTURES else sentences_of(rows)
