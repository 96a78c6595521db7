"""The same said in other words, by rules for English and Chinese."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.text.reword_rules import Choice, Edit, find_edits
from manyshot.augment.text.text_op import NEGATIONS, KeepingOp, count_of, pick_distinct, words_to_keep
from manyshot.augment.text.words import Words, split_words


@dataclass(frozen=True)
class Reword(KeepingOp[list[Edit]]):
    """Say parts of each text in other words: "how can I" for "how do I", "book a table" for "reserve a table".

    Groups of interchangeable phrases, for English and Chinese, say what may replace what and between which neighbors,
    so that the sentence stays grammatical and its meaning nearly the same: forms of requests and questions, words and
    idioms, contractions. Articles, capitals and question marks follow. Of n words, `max(1, fraction * n)` phrases are
    replaced, if there are as many. Chinese needs `pip install "manyshot[chinese]"`, English nothing.

    Args:
        fraction: Number of replaced phrases, as a fraction of the number of words; at least one.
        keep: Words that no change may remove, with spaces between them; negations by default.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Reword().apply(["How do I buy a car?"] * 2, {"seed": torch.tensor([1, 2])})
        ['How do I buy an automobile?', 'How can I buy a car?']
    """

    fraction: float = 0.15
    keep: str = NEGATIONS

    def find(self, words: Words) -> list[Edit]:
        """The phrases that may be replaced by others that remove no word to keep."""
        text, edits = "".join(words.parts), []
        for edit in find_edits(text):
            least = _count_kept(text[edit.start : edit.end], self.keep)
            choices = tuple(
                choice for choice in edit.choices if not least or _count_kept(choice.text, self.keep) >= least
            )
            if choices:
                edits.append(edit._replace(choices=choices))
        return edits

    def numbers_needed(self, words: Words, found: list[Edit]) -> int:
        """Two numbers per replaced phrase: which phrase, and by what."""
        return 2 * min(count_of(self.fraction, words.total), len(found))

    def rewrite(self, words: Words, found: list[Edit], numbers: Sequence[float]) -> str:
        """The text in other words; of phrases that overlap, the one drawn first is replaced."""
        text, count = "".join(words.parts), len(numbers) // 2
        taken: list[tuple[Edit, Choice]] = []
        used = bytearray(len(text))
        for index, number in zip(pick_distinct(range(len(found)), count, numbers), numbers[count:], strict=True):
            edit = found[index]
            if not any(used[edit.start : edit.end]):
                used[edit.start : edit.end] = b"\1" * (edit.end - edit.start)
                taken.append((edit, edit.choices[int(number * len(edit.choices))]))
        for edit, choice in sorted(taken, key=lambda each: -each[0].start):
            text = edit.apply(text, choice)
        return text


def _count_kept(text: str, keep: str) -> int:
    kept = words_to_keep(keep)
    return sum(kept[word] for word in split_words(text).parts[1::2])
