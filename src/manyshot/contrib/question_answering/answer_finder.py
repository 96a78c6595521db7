"""Match questions to a list of answers: each answer is a class, and its known questions are the examples."""

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
class Answer:
    """An answer to a question.

    Args:
        answer: Text of the answer in the list.
        probability: Probability of the answer among all answers of the list.
    """

    answer: str
    probability: float


class AnswerFinder:
    """Find the answer to a question in a list of questions with answers, by any learner of features.

    The questions of an answer are the support of its class. The text of the answer can be one more example: it is close
    to its questions if the encoder captures meaning. A plan adds augmented questions.

    Args:
        learner: Learner with a sentence encoder, in evaluation mode.
        source: Questions by answer, such as `load("faq.csv", columns=Columns("question", "answer"))`.
        plan: Augmentation of shots or support; None or "none" for no augmentation.
        answers: Weight of the text of an answer relative to a question; 0 to ignore it.
        seed: Seed of the plan's draws.

    Raises:
        InputError: If the items are not texts, `answers` is negative, or the plan changes tasks or queries.

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
            raise InputError(f"{source.name}: its items are not texts; give a table of questions and answers")
        if not answers >= 0:
            raise InputError(f"answers={answers}: give a weight of at least 0")
        if plan.changes_tasks or "query" in plan.placements:
            raise InputError(f"plan: '{plan}' changes tasks or queries; use only shots or support")
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
        no_queries = Examples([[]], torch.zeros(1, 0, count), torch.zeros(1, 0), support.class_mask)
        episode = Episode(support, no_queries, torch.arange(count)[None])
        return learner.adapt(plan.apply(episode, generator(seed, "faq")).support)

    @torch.no_grad()
    def ask(self, questions: Sequence[str], most: int = 3) -> list[list[Answer]]:
        """Return the most likely answers to each question, best first.

        Args:
            questions: New questions.
            most: Largest number of answers per question.
        """
        if not questions:
            return []
        probabilities: Tensor = self._classify([list(questions)])[0].softmax(-1)
        best, indices = probabilities.topk(min(most, len(self.answers)))
        return [
            [Answer(self.answers[i], probability) for probability, i in zip(row, columns, strict=True)]
            for row, columns in zip(best.tolist(), indices.tolist(), strict=True)
        ]
