"""The layout of SQuAD's JSON (Rajpurkar et al. 2016, 2018), as its readers check it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

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


class FlatAnswers(TypedDict):
    """Answers as lists of texts and of positions."""

    text: list[str]
    answer_start: list[int]


class FlatQuestion(TypedDict):
    """A question with its context, as the library `datasets` writes it."""

    id: str | int
    context: str
    question: str
    answers: FlatAnswers


class FlatFile(TypedDict):
    """A file of questions without articles and paragraphs."""

    data: list[FlatQuestion]


class Place(NamedTuple):
    """Where an answer is said to be.

    Args:
        question: Id of its question.
        context: Context of the question.
        answer: The answer.
    """

    question: str | int
    context: str
    answer: Answer

    @property
    def is_right(self) -> bool:
        """Whether the answer stands there."""
        start, text = self.answer["answer_start"], self.answer["text"]
        return 0 <= start <= len(self.context) and self.context[start : start + len(text)] == text


MOST_NAMED = 3
"""Number of misplaced answers that an error names."""


def read_squad(path: Path | str) -> SquadFile:
    """Read a file and check its layout; the flat one of the library `datasets` becomes that of SQuAD.

    Args:
        path: Path of the file. Lone surrogates, as cut texts have them, become U+FFFD.

    Raises:
        InputError: If the file cannot be read or has another layout, naming the position.
    """
    content, where = _whole(read_json(path, max_bytes=MAX_BYTES)), f"{path}: not in SQuAD's format"
    rows = content.get("data") if isinstance(content, dict) else None
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "context" in rows[0]:
        flat: FlatFile = check_type(content, FlatFile, where)
        content = content | {"data": [_article(row) for row in flat["data"]]}
    result: SquadFile = check_type(content, SquadFile, where)
    return result


def place_answers(content: SquadFile, path: Path | str, fix: bool = False) -> None:
    """Make sure that every answer stands at its position in its context.

    Args:
        content: Content of the file; changed in place if positions are fixed.
        path: Its path, for errors.
        fix: Whether to move an answer that stands elsewhere in its context, once.

    Raises:
        InputError: Naming the first misplaced answers and how many there are.

    Example:
        >>> question = {"id": "a", "question": "When?", "answers": [{"text": "476", "answer_start": 12}]}
        >>> rome = {"data": [{"paragraphs": [{"context": "Rome fell in 476.", "qas": [question]}]}]}
        >>> place_answers(rome, "rome.json", fix=True)
        >>> question["answers"][0]["answer_start"]
        13
    """
    wrong = [place for place in _places(content) if not place.is_right]
    movable = [place for place in wrong if place.answer["text"] and place.context.count(place.answer["text"]) == 1]
    if fix:
        for place in movable:
            place.answer["answer_start"] = place.context.index(place.answer["text"])
        wrong = [place for place in wrong if not place.is_right]
    if not wrong:
        return
    named = "; ".join(
        f"question {short(str(place.question))}: '{short(place.answer['text'])}' at "
        f"{short(str(place.answer['answer_start']))}"
        for place in wrong[:MOST_NAMED]
    )
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    mend = "correct each answer_start" + ("" if fix or not movable else ", or let --fix-offsets correct those it can")
    raise InputError(f"{path}: answers that are not at their answer_start: {named}{more}; {mend}")


def _places(content: SquadFile) -> Iterator[Place]:
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                for answer in (*question.get("answers", ()), *question.get("plausible_answers", ())):
                    yield Place(question["id"], paragraph["context"], answer)


def _article(row: FlatQuestion) -> Article:
    """An article of one paragraph with one question."""
    answers = row["answers"]
    pairs = zip(answers["text"], answers["answer_start"], strict=False)
    placed: list[Answer] = [{"text": text, "answer_start": start} for text, start in pairs]
    question: Question = {"id": row["id"], "question": row["question"], "answers": placed}
    return {"title": str(dict(row).get("title", "")), "paragraphs": [{"context": row["context"], "qas": [question]}]}


def _whole(value: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON with U+FFFD for lone surrogates, which no file can hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value


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
