"""Augment question answering in SQuAD's JSON (Rajpurkar et al. 2016, 2018) while keeping the answers intact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.augment import Plan
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.augment.ops.op import Op
from manyshot.augment.text.spans import MarkedText, change_outside_spans
from manyshot.base import InputError, check_out, track, write_json
from manyshot.base.seeds import generator
from manyshot.datasets.squad_file import place_answers, read_squad

ANSWERS = ("answers", "plausible_answers")
"""Keys of a question that hold answer spans; the second is for questions that cannot be answered."""


@dataclass(frozen=True)
class GeneratedQuestions:
    """What `augment_squad` wrote.

    Args:
        path: File that was written.
        paragraphs: Number of generated paragraphs.
        questions: Number of generated questions, including those that cannot be answered.
        answers: Number of answers in the generated paragraphs.
        changed: Number of generated paragraphs whose context differs from the original.
    """

    path: Path
    paragraphs: int
    questions: int
    answers: int
    changed: int


def augment_squad(
    path: Path | str, plan: Plan, copies: int, out: Path | str, seed: int = 0, fix_offsets: bool = False
) -> GeneratedQuestions:
    """Augment the contexts and questions of a file in SQuAD's format; the answers stay as they are.

    The start of every answer is updated to its position in the changed context. The file holds only the generated
    paragraphs. The id of a question ends with the number of the copy, and its `source` is the id of the original.

    Args:
        path: JSON file of SQuAD 1.1 or 2.0, or the flat form of the library `datasets`.
        plan: Plan whose ops change the texts, see `Plan.item_op`.
        copies: Number of generated paragraphs per paragraph.
        out: File to write; it is complete or not written at all.
        seed: Seed; the same seed gives the same file.
        fix_offsets: Whether an answer that is not at its `answer_start`, but elsewhere in the context, once, is moved
            there.

    Returns:
        The file, and the numbers of generated paragraphs, questions and answers.

    Raises:
        InputError: If the file is not in SQuAD's format, an answer is not at its `answer_start`, or the plan is not
            for texts.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> answers = [{"text": "476", "answer_start": 13}]
        >>> questions = [{"id": "a", "question": "When did Rome fall?", "answers": answers}]
        >>> paragraphs = [{"context": "Rome fell in 476.", "qas": questions}]
        >>> write_json(folder / "rome.json", {"version": "1.1", "data": [{"title": "Rome", "paragraphs": paragraphs}]})
        >>> generated = augment_squad(folder / "rome.json", Plan("shots: swap_words"), 4, folder / "more.json")
        >>> generated.paragraphs, generated.questions, generated.answers
        (4, 4, 4)
    """
    path, out = Path(path), Path(out)
    check_out(out, beside=True)
    op = plan.item_op()
    require_kind(op, "texts")
    if copies < 1:
        raise InputError(f"copies={copies}: give at least 1")
    articles = read_squad(path)
    place_answers(articles, path, fix_offsets)
    generated: list[dict[str, Any]] = []
    changed = 0
    for number, article in enumerate(track(articles["data"], "augment", len(articles["data"]))):
        paragraphs_of_article = list(_augment_article(article["paragraphs"], op, copies, seed, number))
        changed += sum(is_changed for _, is_changed in paragraphs_of_article)
        generated.append({**article, "paragraphs": [paragraph for paragraph, _ in paragraphs_of_article]})
    head = {key: value for key, value in articles.items() if key != "data"}
    write_json(out, {**head, "data": generated, "manyshot": {"plan": str(plan), "copies": copies, "seed": seed}})
    questions = [
        question for article in generated for paragraph in article["paragraphs"] for question in paragraph["qas"]
    ]
    return GeneratedQuestions(
        path=out,
        paragraphs=sum(len(article["paragraphs"]) for article in generated),
        questions=len(questions),
        answers=sum(len(question.get("answers", ())) for question in questions),
        changed=changed,
    )


def _augment_article(
    originals: Sequence[Any], op: Op, copies: int, seed: int, article: int
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Generated paragraphs of an article, and whether the context of each changed."""
    marked = [_marked(original) for original in originals]
    contexts = [context for context in marked for _ in range(copies)]
    texts = [question["question"] for original in originals for _ in range(copies) for question in original["qas"]]
    stream = generator(seed, "squad", article)
    changed = iter(change_outside_spans(op, contexts, op.sample(len(contexts), stream)))
    questions = iter(op.apply(texts, op.sample(len(texts), stream)))
    for original, before in zip(originals, marked, strict=True):
        for copy in range(copies):
            context = next(changed)
            yield _paragraph(original, context, questions, copy), context.text != before.text


def _marked(paragraph: Any) -> MarkedText:  # noqa: ANN401 - as JSON has it
    """A context with the spans of its answers."""
    context, spans = paragraph["context"], []
    for question in paragraph["qas"]:
        for answer in _answers(question):
            spans.append((answer["answer_start"], answer["answer_start"] + len(answer["text"])))
    return MarkedText(context, tuple(spans))


def _answers(question: Any) -> Iterator[Any]:  # noqa: ANN401 - as JSON has it
    for name in ANSWERS:
        yield from question.get(name, ())


def _paragraph(original: Any, context: MarkedText, questions: Iterator[str], copy: int) -> dict[str, Any]:  # noqa: ANN401
    spans = iter(context.spans)
    qas = []
    for question in original["qas"]:
        moved = {
            name: [{**answer, "answer_start": next(spans)[0]} for answer in question[name]]
            for name in ANSWERS
            if name in question
        }
        generated = {**question, **moved, "id": f"{question['id']}-{copy}", "source": question["id"]}
        qas.append({**generated, "question": next(questions)})
    return {**original, "context": context.text, "qas": qas}
