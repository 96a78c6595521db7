"""Question answering in SQuAD's JSON (Rajpurkar et al. 2016, 2018): more paragraphs, whose answers are still there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.augment import Plan
from manyshot.augment.ops.kinds import require_kind
from manyshot.augment.ops.op import Op
from manyshot.augment.text.spans import MarkedText, change_outside_spans
from manyshot.base import InputError, check_out, read_json, track, write_json
from manyshot.base.seeds import generator

ANSWERS = ("answers", "plausible_answers")
"""Where a question has spans of its context; the second is what an unanswerable question may be taken to ask for."""


@dataclass(frozen=True)
class GeneratedQuestions:
    """What `augment_squad` made.

    Args:
        path: the file.
        paragraphs: made ones.
        questions: made ones, those that cannot be answered among them.
        answers: in the made paragraphs, each at its new place.
        changed: made paragraphs whose context is not that of the original.
    """

    path: Path
    paragraphs: int
    questions: int
    answers: int
    changed: int


def augment_squad(path: Path | str, plan: Plan, copies: int, out: Path | str, seed: int = 0) -> GeneratedQuestions:
    """Make further paragraphs of a file in SQuAD's format: their contexts and questions change, their answers do not.

    Every answer stands at its new place in the changed context; a question that cannot be answered stays so. The file
    has the made paragraphs alone, each with the `source` of every question, its id in the original; the ids end in the
    number of the copy.

    Args:
        path: JSON of SQuAD 1.1 or 2.0.
        plan: what changes a text, see `Plan.item_op`.
        copies: made of each paragraph.
        out: the file to write, whole or not at all.
        seed: the same seed makes the same file.

    Raises:
        InputError: for a file that is no such JSON, an answer that is not at its place, or a plan for other items.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> answers = [{"text": "476", "answer_start": 13}]
        >>> questions = [{"id": "a", "question": "When did Rome fall?", "answers": answers}]
        >>> paragraphs = [{"context": "Rome fell in 476.", "qas": questions}]
        >>> write_json(folder / "rome.json", {"version": "1.1", "data": [{"title": "Rome", "paragraphs": paragraphs}]})
        >>> made = augment_squad(folder / "rome.json", Plan("shots: swap_words"), 4, folder / "more.json")
        >>> made.paragraphs, made.questions, made.answers
        (4, 4, 4)
    """
    path, out = Path(path), Path(out)
    check_out(out, beside=True)
    op = plan.item_op()
    require_kind(op, "texts")
    if copies < 1:
        raise InputError(f"copies={copies}: give at least 1")
    articles = read_json(path)
    try:
        titles = [article["title"] for article in articles["data"]]
        paragraphs = [article["paragraphs"] for article in articles["data"]]
    except (KeyError, TypeError):
        raise InputError(
            f"{path}: not in SQuAD's format: give JSON with 'data', a list of articles with 'title' and 'paragraphs'"
        ) from None
    made, changed = [], 0
    for number, (title, originals) in enumerate(track(zip(titles, paragraphs, strict=True), "augment", len(titles))):
        found = list(_made(originals, op, copies, seed, number, f"{path}, '{title}'"))
        changed += sum(is_changed for _, is_changed in found)
        made.append({"title": title, "paragraphs": [paragraph for paragraph, _ in found]})
    head = {key: value for key, value in articles.items() if key != "data"}
    write_json(out, {**head, "data": made, "manyshot": {"plan": str(plan), "copies": copies, "seed": seed}})
    questions = [question for article in made for paragraph in article["paragraphs"] for question in paragraph["qas"]]
    return GeneratedQuestions(
        path=out,
        paragraphs=sum(len(article["paragraphs"]) for article in made),
        questions=len(questions),
        answers=sum(len(question.get("answers", ())) for question in questions),
        changed=changed,
    )


def _made(
    originals: list[Any], op: Op, copies: int, seed: int, article: int, where: str
) -> Iterator[tuple[dict[str, Any], bool]]:
    """The made paragraphs of an article, and whether their contexts changed."""
    marked = [_marked(original, f"{where}, paragraph {place}") for place, original in enumerate(originals, 1)]
    contexts = [context for context in marked for _ in range(copies)]
    asked = [question["question"] for original in originals for _ in range(copies) for question in original["qas"]]
    stream = generator(seed, "squad", article)
    changed = iter(change_outside_spans(op, contexts, op.sample(len(contexts), stream)))
    questions = iter(op.apply(asked, op.sample(len(asked), stream)))
    for original, before in zip(originals, marked, strict=True):
        for copy in range(copies):
            context = next(changed)
            yield _paragraph(original, context, questions, copy), context.text != before.text


def _marked(paragraph: Any, where: str) -> MarkedText:  # noqa: ANN401 - as JSON has it
    """A context with the spans of its answers, checked."""
    try:
        context, spans = paragraph["context"], []
        for question in paragraph["qas"]:
            for answer in _answers(question):
                start, text = answer["answer_start"], answer["text"]
                if context[start : start + len(text)] != text or start < 0:
                    raise InputError(
                        f"{where}, question {question['id']}: the answer '{text[:40]}' is not at character {start} of "
                        "the context; mend its answer_start"
                    )
                spans.append((start, start + len(text)))
            _ = question["question"] + str(question["id"])
    except (KeyError, TypeError):
        raise InputError(
            f"{where}: not in SQuAD's format: give 'context', and 'qas' with 'id', 'question' and 'answers' of 'text' "
            "and 'answer_start'"
        ) from None
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
        made = {**question, **moved, "id": f"{question['id']}-{copy}", "source": question["id"]}
        qas.append({**made, "question": next(questions)})
    return {**original, "context": context.text, "qas": qas}
