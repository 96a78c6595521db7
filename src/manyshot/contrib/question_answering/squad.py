"""Reader of SQuAD files: contexts, questions, and positions of the answers."""

from dataclasses import dataclass
from pathlib import Path

from manyshot.base import InputError, read_json


@dataclass(frozen=True)
class Question:
    """A question about a context.

    Args:
        id: Identifier of the question.
        context: Text that contains the answer.
        question: Text of the question.
        answers: Correct answers; empty if the context does not answer the question.
        start: Character at which the first answer begins in the context; None without an answer.
    """

    id: str
    context: str
    question: str
    answers: tuple[str, ...]
    start: int | None


def load_questions(path: Path | str) -> list[Question]:
    """Read a file in the format of SQuAD 1.1 or 2.0 (Rajpurkar et al. 2016, 2018).

    Raises:
        InputError: If the file is not in this format, or an answer is not at its position.

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
    content, result = read_json(path), []
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
                                "of the context; correct its answer_start"
                            )
                    texts = tuple(answer["text"] for answer in answers)
                    result.append(Question(str(asked["id"]), context, asked["question"], texts, start))
    except (KeyError, TypeError, IndexError):
        raise InputError(f"{path}: not in SQuAD's format; give JSON with 'data', 'paragraphs', 'qas'") from None
    if not result:
        raise InputError(f"{path}: no questions; give a file with at least one")
    return result
