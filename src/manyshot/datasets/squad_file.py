"""The layout of SQuAD's JSON (Rajpurkar et al. 2016, 2018), as its readers check it."""

from pathlib import Path
from typing import NotRequired, TypedDict

from manyshot.base import InputError, check_type, read_json, short

MAX_BYTES = 1 << 29
"""Size of the largest file that is read, in bytes."""


class Answer(TypedDict):
    """An answer, and the character of the context at which it begins."""

    text: str
    answer_start: int


class Question(TypedDict):
    """A question about a context; without answers, it cannot be answered."""

    id: str | int
    question: str
    answers: NotRequired[list[Answer]]
    plausible_answers: NotRequired[list[Answer]]


class Paragraph(TypedDict):
    """A context and the questions about it."""

    context: str
    qas: list[Question]


class Article(TypedDict):
    """Paragraphs of one article."""

    title: NotRequired[str]
    paragraphs: list[Paragraph]


class SquadFile(TypedDict):
    """A whole file."""

    data: list[Article]


def read_squad(path: Path | str) -> SquadFile:
    """Read a file and check its layout.

    Args:
        path: Path of the file.

    Raises:
        InputError: If the file cannot be read or has another layout, naming the position.
    """
    content: SquadFile = check_type(
        read_json(path, unicode=True, max_bytes=MAX_BYTES), SquadFile, f"{path}: not in SQuAD's format"
    )
    return content


def check_answer(answer: Answer, context: str, where: str) -> None:
    """Raise an error unless an answer stands at its position in the context.

    Args:
        answer: The answer.
        context: Text that should contain it.
        where: Path of the file and name of the question, for errors.

    Raises:
        InputError: If it does not.

    Example:
        >>> check_answer({"text": "476", "answer_start": 13}, "Rome fell in 476.", "rome.json: question a")
        >>> check_answer({"text": "476", "answer_start": 12}, "Rome fell in 476.", "rome.json: question a")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: rome.json: question a: the answer '476' is not at character 12 of the \
text; correct its answer_start
    """
    start, text = answer["answer_start"], answer["text"]
    if not 0 <= start <= len(context) or context[start : start + len(text)] != text:
        position = short(str(start))
        raise InputError(
            f"{where}: the answer '{short(text)}' is not at character {position} of the text; correct its answer_start"
        )
