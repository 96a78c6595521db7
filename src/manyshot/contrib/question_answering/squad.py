"""Reader of SQuAD files: contexts, questions, and positions of the answers."""

from dataclasses import dataclass
from pathlib import Path

from manyshot.base import InputError, short
from manyshot.datasets.squad_file import check_answer, read_squad


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
    content, result = read_squad(path), []
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            for asked in paragraph["qas"]:
                answers = asked.get("answers", [])
                for answer in answers:
                    check_answer(answer, context, f"{path}: question {short(str(asked['id']))}")
                texts = tuple(answer["text"] for answer in answers)
                start = answers[0]["answer_start"] if answers else None
                result.append(Question(str(asked["id"]), context, asked["question"], texts, start))
    if not result:
        raise InputError(f"{path}: no questions; give a file with at least one")
    return result
