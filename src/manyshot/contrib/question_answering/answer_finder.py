"""Questions matched to answers: each answer of a list is a class, and the questions known for it are its examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.learners import Classifier, FeatureLearner
from manyshot.tasks import Episode, Examples, Source


@dataclass(frozen=True)
class Found:
    """An answer to a question.

    Args:
        answer: as the list has it.
        share: how likely it is the right one, of all answers of the list.
    """

    answer: str
    share: float


class AnswerFinder:
    """Find the answer to a question in a list of questions with answers, by any learner of features.

    All questions that share an answer are the support of one class, and so is the answer's own text, if it is to count:
    it is near its questions where the encoder knows meanings. A plan makes further questions.

    Args:
        learner: on an encoder of sentences; in evaluation mode.
        source: questions by answer, such as `load("faq.csv", columns=Columns("question", "answer"))`.
        plan: of shots, or of support; "none" leaves the questions as they are.
        answers: what an answer's own text counts beside a question; 0 for nothing.
        seed: of the plan's draws.

    Raises:
        InputError: if the items are no sentences, `answers` is negative, or the plan changes tasks.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import TextEncoder
        >>> from manyshot.nets.ngrams import NGrams
        >>> source = Source.of(["where is my parcel", "how do i pay"], ["It is on its way.", "By card or cash."])
        >>> finder = AnswerFinder(Prototypes(TextEncoder(NGrams(256)), temperature=0.1).eval(), source)
        >>> finder.ask(["where is the parcel"])[0][0].answer
        'It is on its way.'
    """

    def __init__(
        self, learner: FeatureLearner, source: Source, plan: Plan | None = None, answers: float = 0.0, seed: int = 0
    ) -> None:
        plan = plan or Plan()
        if not source.is_text:
            raise InputError(f"{source.name}: its items are no sentences; give a table of questions and answers")
        if not answers >= 0:
            raise InputError(f"answers={answers}: give at least 0, for what an answer's text counts beside a question")
        if plan.changes_tasks or "query" in plan.placements:
            raise InputError(f"plan: '{plan}' changes more than the questions that are known; leave all but shots out")
        self.answers = source.class_names
        self._classify = self._adapted(learner, source, plan, answers, seed)

    @torch.no_grad()
    def _adapted(self, learner: FeatureLearner, source: Source, plan: Plan, answers: float, seed: int) -> Classifier:
        count = len(self.answers)
        texts = [*source.gather(range(len(source))), *(self.answers if answers else ())]
        labels = [*source.labels.tolist(), *(range(count) if answers else ())]
        weight = [1.0] * len(source) + [answers] * (len(texts) - len(source))
        support = Examples(
            items=[texts],
            labels=torch.eye(count)[labels][None],
            weight=torch.tensor([weight]),
            class_mask=torch.ones(1, count, dtype=torch.bool),
        )
        nobody = Examples([[]], torch.zeros(1, 0, count), torch.zeros(1, 0), support.class_mask)
        episode = Episode(support, nobody, torch.arange(count)[None])
        return learner.adapt(plan.apply(episode, generator(seed, "faq")).support)

    @torch.no_grad()
    def ask(self, questions: Sequence[str], most: int = 3) -> list[list[Found]]:
        """The likeliest answers to each question, the best first.

        Args:
            questions: new ones.
            most: answers of each, at most.
        """
        if not questions:
            return []
        shares: Tensor = self._classify([list(questions)])[0].softmax(-1)
        best, place = shares.topk(min(most, len(self.answers)))
        return [
            [Found(self.answers[i], share) for share, i in zip(row, places, strict=True)]
            for row, places in zip(best.tolist(), place.tolist(), strict=True)
        ]
