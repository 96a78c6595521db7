"""Ops on texts, lists of strings: in English, in Chinese and, where possible, in any language.

No op splits a character, an emoji, an address or a placeholder (see `manyshot.augment.text.words`). A new op takes one
file, one line in `OPS` and one row in the test of every op.
"""

from manyshot.augment.ops.op import Op
from manyshot.augment.text.aeda import AEDA
from manyshot.augment.text.case import Case
from manyshot.augment.text.change_numbers import Numbers
from manyshot.augment.text.chinese_char_ops import Homophones, Lookalikes
from manyshot.augment.text.contractions import Contract
from manyshot.augment.text.dates import Dates
from manyshot.augment.text.delete import CutOff, DeleteWords
from manyshot.augment.text.eda import EDA
from manyshot.augment.text.entities import Entities
from manyshot.augment.text.mask_words import MaskWords
from manyshot.augment.text.misspell import Misspell
from manyshot.augment.text.ocr import OCR
from manyshot.augment.text.paraphrase import BackTranslate, Paraphrase
from manyshot.augment.text.paraphrase_file import ParaphraseFile
from manyshot.augment.text.reword import Reword
from manyshot.augment.text.sentences import ShuffleSentences
from manyshot.augment.text.swap import SwapWords
from manyshot.augment.text.synonyms import InsertWords, Synonyms
from manyshot.augment.text.template import Template
from manyshot.augment.text.typos import Typos
from manyshot.augment.text.widths import Widths

OPS: dict[str, type[Op]] = {
    "reword": Reword,
    "eda": EDA,
    "synonyms": Synonyms,
    "insert_words": InsertWords,
    "swap_words": SwapWords,
    "delete_words": DeleteWords,
    "aeda": AEDA,
    "cut_off": CutOff,
    "shuffle_sentences": ShuffleSentences,
    "typos": Typos,
    "ocr": OCR,
    "misspell": Misspell,
    "case": Case,
    "contract": Contract,
    "template": Template,
    "entities": Entities,
    "numbers": Numbers,
    "dates": Dates,
    "homophones": Homophones,
    "lookalikes": Lookalikes,
    "widths": Widths,
    "mask_words": MaskWords,
    "paraphrase": Paraphrase,
    "back_translate": BackTranslate,
    "paraphrase_file": ParaphraseFile,
}
"""Every op on texts by its name in a plan."""

__all__ = [
    "AEDA",
    "EDA",
    "OCR",
    "OPS",
    "BackTranslate",
    "Case",
    "Contract",
    "CutOff",
    "Dates",
    "DeleteWords",
    "Entities",
    "Homophones",
    "InsertWords",
    "Lookalikes",
    "MaskWords",
    "Misspell",
    "Numbers",
    "Paraphrase",
    "ParaphraseFile",
    "Reword",
    "ShuffleSentences",
    "SwapWords",
    "Synonyms",
    "Template",
    "Typos",
    "Widths",
]
