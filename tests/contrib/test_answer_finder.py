"""Answers found for questions."""

import pytest
import torch

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.contrib.question_answering.answer_finder import AnswerFinder
from manyshot.learners import Prototypes, Ridge
from manyshot.nets import TextEncoder
from manyshot.nets.ngrams import NGrams
from manyshot.tasks import Source

SOURCE = Source.of(
    ["where is my parcel", "has my parcel been sent", "how can i pay", "which cards can i pay with"],
    ["Your parcel is on its way.", "Your parcel is on its way.", "Pay by card or cash.", "Pay by card or cash."],
)


def learner(kind=Prototypes, **options):
    return kind(TextEncoder(NGrams(512)), **options).eval()


@pytest.mark.parametrize("kind", [Prototypes, Ridge])
@pytest.mark.parametrize("plan", ["none", "shots: 2 x aeda"])
def test_the_answer_of_the_nearest_questions_comes_first(kind, plan):
    finder = AnswerFinder(learner(kind), SOURCE, Plan(plan))
    first, second = finder.ask(["i want to pay", "where is the parcel?"])
    assert first[0].answer == "Pay by card or cash."
    assert second[0].answer == "Your parcel is on its way."
    assert sum(result.probability for result in first) == pytest.approx(1, abs=1e-5)
    assert first[0].probability > first[1].probability
    assert [len(result) for result in finder.ask(["a", "b"], most=1)] == [1, 1]
    assert finder.ask([]) == []


def test_the_texts_of_answers_can_count():
    alone, beside = (AnswerFinder(learner(), SOURCE, answers=a).ask(["cash"], most=2) for a in (0.0, 5.0))
    before, after = ({answer.answer: answer.probability for answer in result[0]} for result in (alone, beside))
    assert after["Pay by card or cash."] > before["Pay by card or cash."]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AnswerFinder(learner(), Source.of(torch.rand(4, 2), list("aabb"))), "not texts"),
        (lambda: AnswerFinder(learner(), SOURCE, answers=-1.0), "answers=-1.0"),
        (lambda: AnswerFinder(learner(), SOURCE, Plan("query: 2 x aeda")), "changes tasks or queries"),
    ],
)
def test_what_cannot_be_is_one_line(make, message):
    with pytest.raises(InputError, match=message):
        make()
