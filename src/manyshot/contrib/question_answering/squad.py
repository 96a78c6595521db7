"""Question answering in SQuAD's JSON as flat examples: a context, a question, and where the answer stands."""

from dataclasses import dataclass
from pathlib import Path

from manyshot.base import InputError, read_json


@dataclass(frozen=True)
class Question:
    """A question about a context.

    Args:
        id: of the question.
        context: where the answer is to be found.
        question: as asked.
        answers: texts that are right; none where the context does not tell.
        start: where the first of them begins in the context; None where there is none.
    """

    id: str
    context: str
    question: str
    answers: tuple[str, ...]
    start: int | None


def load_questions(path: Path | str) -> list[Question]:
    """Read a file in the format of SQuAD 1.1 or 2.0 (Rajpurkar et al. 2016, 2018).

    Raises:
        InputError: if it is no such file, or an answer is not at its place.

    Example:
        >>> import json, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "rome.json"
        >>> answers = [{"text": "476", "answer_start": 13}]
        >>> questions = [{"id": "a", "question": "When did Rome fall?", "answers": answers}]
        >>> paragraphs = [{"context": "Rome fell in 476.", "qas": questions}]
        >>> _ = path.write_text(json.dumps({"data": [{"title": "Rome", "paragraphs": paragraphs}]}))
        >>> load_questions(path)[0].answers
        ('476',)
    """
    content, found = read_json(path), []
    try:
        for article in content["data"]:
            for paragraph in article["paragraphs"]:
                context = paragraph["context"]
                for asked in paragraph["qas"]:
                    answers = asked.get("answers", ())
                    start = answers[0]["answer_start"] if answers else None
                    for answer in answers:
                        place, text = answer["answer_start"], answer["text"]
                        if place < 0 or context[place : place + len(text)] != text:
                            raise InputError(
                                f"{path}: question {asked['id']}: the answer '{text[:40]}' is not at character {place} "
                                "of the context; mend its answer_start"
                            )
                    texts = tuple(answer["text"] for answer in answers)
                    found.append(Question(str(asked["id"]), context, asked["question"], texts, start))
    except (KeyError, TypeError, IndexError):
        raise InputError(f"{path}: not in SQuAD's format; give JSON with 'data', 'paragraphs', 'qas'") from None
    if not found:
        raise InputError(f"{path}: no questions; give JSON in SQuAD's format that has some")
    return found
