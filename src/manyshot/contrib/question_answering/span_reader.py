"""Extractive question answering: a linear head on a transformer predicts where the answer is in a context."""

import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from manyshot.base import InputError, track
from manyshot.base.seeds import generator
from manyshot.contrib.question_answering.squad import Question
from manyshot.nets import evaluation_mode
from manyshot.nets.sentence_encoder import TransformerReader

LONGEST_ANSWER = 30
"""Largest number of tokens of an answer."""
BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class Windows:
    """Tokenized questions with windows of their contexts.

    Args:
        tokens: Inputs of the transformer, each `[n, length]`.
        asked: `[n]` index of the question of each window.
        spans: `[n, length, 2]` first and last character of each token in the context; -1 for other tokens.
        begin: `[n]` token at which the answer begins; 0, the first token, if it is not in the window.
        end: `[n]` token at which it ends.
    """

    tokens: dict[str, Tensor]
    asked: Int[Tensor, "n"]
    spans: Int[Tensor, "n length two"]
    begin: Int[Tensor, "n"]
    end: Int[Tensor, "n"]


class SpanReader(nn.Module):
    """Extract the answer to a question from a context (Devlin, Chang, Lee and Toutanova 2019, section 4.2).

    p(begin = i) = softmax_i (b . h_i),   p(end = j) = softmax_j (e . h_j)

    h are the transformer's hidden states of question and context. The answer is the span of at most 30 tokens of the
    context with the largest b . h_i + e . h_j; there is no answer if the first token, as begin and end, scores higher.
    A long context is read in overlapping windows.

    Args:
        reader: Transformer with its tokenizer; see `manyshot.nets.sentence_encoder.read_model`.
        longest: Number of tokens per window, at most that of the transformer.

    Raises:
        InputError: If the tokenizer does not map tokens to characters.
    """

    def __init__(self, reader: TransformerReader, longest: int = 384) -> None:
        super().__init__()
        if not reader.tokenizer.is_fast:
            raise InputError(f"{reader.origin}: its tokenizer does not map tokens to characters; use a fast tokenizer")
        self.reader = reader
        self.head = nn.Linear(reader.features, 2)
        most = getattr(reader.net.config, "max_position_embeddings", longest) or longest
        self.longest = min(longest, int(most))

    def forward(self, tokens: dict[str, Tensor]) -> Float[Tensor, "n length two"]:
        """Return the logits of begin and end of every token."""
        logits: Tensor = self.head(self.reader.net(**tokens).last_hidden_state)
        return logits

    def windows(self, questions: Sequence[Question]) -> Windows:
        """Tokenize questions and contexts, with the positions of the answers."""
        encoded = self.reader.tokenizer(
            [question.question for question in questions],
            [question.context for question in questions],
            truncation="only_second",
            max_length=self.longest,
            stride=self.longest // 4,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=True,
            return_tensors="pt",
        )
        asked = encoded.pop("overflow_to_sample_mapping")
        spans = encoded.pop("offset_mapping")
        for row in range(len(spans)):
            kind = torch.tensor([-1 if k is None else k for k in encoded.sequence_ids(row)])
            spans[row, kind != 1] = -1
        begin, end = torch.zeros(len(spans), dtype=torch.long), torch.zeros(len(spans), dtype=torch.long)
        for row, number in enumerate(asked.tolist()):
            question = questions[number]
            if question.start is None:
                continue
            stop = question.start + len(question.answers[0])
            inside = (spans[row, :, 0] >= 0) & (spans[row, :, 0] < stop) & (spans[row, :, 1] > question.start)
            covers = inside.any() and int(spans[row][spans[row, :, 0] >= 0].max()) >= stop
            if covers and int(spans[row, inside, 0].min()) <= question.start:
                places = inside.nonzero()[:, 0]
                begin[row], end[row] = places[0], places[-1]
        device = self.head.weight.device
        return Windows({name: value.to(device) for name, value in encoded.items()}, asked, spans, begin, end)

    def fit(
        self, questions: Sequence[Question], steps: int = 100, learning_rate: float = 5e-5, seed: int = 0
    ) -> list[float]:
        """Train the transformer and the head on questions with known answers; return the loss of each step.

        Args:
            questions: Training questions, augmented or not.
            steps: Number of steps, with at most 16 random windows each.
            learning_rate: Initial learning rate of AdamW; decays linearly to 0.
            seed: Seed of the draws and of dropout.

        Raises:
            InputError: If there are no questions, or a number is out of range.
        """
        if not questions or steps < 1 or not learning_rate > 0:
            given = f"{len(questions)} questions, steps={steps}, learning_rate={learning_rate}"
            raise InputError(f"{given}: give positive numbers")
        windows, losses = self.windows(questions), []
        optimizer = torch.optim.AdamW(self.parameters(), lr=learning_rate)
        draws = generator(seed, "reader")
        self.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draws.initial_seed())
            for step in track(range(steps), "read"):
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate * (1 - step / steps)
                rows = torch.randperm(len(windows.asked), generator=draws)[:BATCH_SIZE]
                logits = self(_rows(windows.tokens, rows))
                logits = logits.masked_fill(
                    windows.tokens["attention_mask"][rows.to(logits.device)][..., None] == 0, -1e9
                )
                wanted = torch.stack([windows.begin[rows], windows.end[rows]], -1).to(logits.device)
                loss = nn.functional.cross_entropy(logits, wanted)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(self.parameters(), 1.0)
                optimizer.step()
                losses.append(float(loss.detach()))
        self.eval()
        return losses

    @torch.no_grad()
    def read(self, questions: Sequence[Question]) -> list[str]:
        """Return the answer to each question, "" if the context has none; known answers are not used."""
        windows = self.windows(questions)
        best: list[tuple[float, str]] = [(-torch.inf, "")] * len(questions)
        none = torch.full((len(questions),), torch.inf)
        for first in range(0, len(windows.asked), BATCH_SIZE):
            rows = torch.arange(first, min(first + BATCH_SIZE, len(windows.asked)))
            with evaluation_mode(self):
                logits = self(_rows(windows.tokens, rows)).cpu()
            for row, scores in zip(rows.tolist(), logits, strict=True):
                number = int(windows.asked[row])
                none[number] = min(float(none[number]), float(scores[0].sum()))
                score, span = _best_span(scores, windows.spans[row])
                if score > best[number][0]:
                    best[number] = score, questions[number].context[span[0] : span[1]]
        return [text if score > nothing else "" for (score, text), nothing in zip(best, none.tolist(), strict=True)]


def _rows(tokens: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    return {name: value[rows.to(value.device)] for name, value in tokens.items()}


def _best_span(scores: Float[Tensor, "length two"], spans: Int[Tensor, "length two"]) -> tuple[float, tuple[int, int]]:
    """Return the best score of begin and end, and its span of characters."""
    inside = spans[:, 0] >= 0
    if not inside.any():
        return -torch.inf, (0, 0)
    total = scores[:, 0, None] + scores[None, :, 1]
    allowed = inside[:, None] & inside[None]
    allowed &= torch.ones_like(allowed).triu() & torch.ones_like(allowed).tril(LONGEST_ANSWER - 1)
    total = total.masked_fill(~allowed, -torch.inf)
    begin, end = divmod(int(total.argmax()), len(scores))
    return float(total[begin, end]), (int(spans[begin, 0]), int(spans[end, 1]))


def exact_and_f1(given: str, answers: Sequence[str]) -> tuple[float, float]:
    """Return exact match and F1 of words, the best over all known answers (Rajpurkar et al. 2016).

    Case, punctuation and English articles are ignored; Chinese text is compared character by character.

    Example:
        >>> exact_and_f1("the year 476", ["476"]), exact_and_f1("", [])
        ((0.0, 0.6666666666666666), (1.0, 1.0))
    """
    pairs = [(_tokens(given), _tokens(answer)) for answer in answers or ("",)]
    exact = max(float(ours == theirs) for ours, theirs in pairs)
    return exact, max(_f1(ours, theirs) for ours, theirs in pairs)


def _tokens(text: str) -> list[str]:
    plain = "".join(
        " " if letter in string.punctuation + "，。？！；：、（）《》“”" else letter for letter in text.lower()
    )
    words = re.sub(r"\b(a|an|the)\b", " ", plain).split()
    return [part for word in words for part in _letters(word)]


def _letters(word: str) -> Iterator[str]:
    yield from re.findall(r"[\u3400-\u9fff]|[^\u3400-\u9fff]+", word)


def _f1(ours: list[str], theirs: list[str]) -> float:
    if not ours or not theirs:
        return float(ours == theirs)
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * common / (len(ours) + len(theirs))
