"""Which characters stand alone, which belong to the one before them, and what must not be split.

A *simple* character is a whole character by itself unless a mark follows it: Latin, Greek and Cyrillic letters, digits,
Han characters, kana, Hangul syllables, common punctuation. The rules for other characters (emoji, flags, combining
marks, other scripts, control characters) are built when the first such text is seen.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache

LETTERS = (
    "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u0481\u048a-\u052f\u1e00-\u1fff\uac00-\ud7a3"
)
"""Simple letters of scripts that separate words by spaces, as a class of a regular expression."""
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
"""Han characters, as a class of a regular expression."""
_KANA = "\u3041-\u3096\u309b-\u30ff\u3105-\u312f\uff66-\uff9d"
_SIGNS = (
    r"\x00-@\[-`{-\xa8\xab\xac\xaf-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7"
    "\u2000-\u200a\u2010-\u2027\u202f-\u203b\u203d-\u2048\u204a-\u205f\u20a0-\u20bf"
    "\u3000-\u3029\u3031-\u303c\u303e\u303f\uff01-\uff65\uffe0-\uffe6"
)
OTHER = re.compile(f"[^{LETTERS}{HAN}{_KANA}{_SIGNS}]")
"""A character that is not simple."""
SEPARATORS = frozenset(" \t\n\r\u3000,.;:!?…，。、！？；：“”‘’\"'`")
"""Characters that may stand beside a word that is moved or left out; a word beside other signs stays where it is."""

_END = '\\s<>"，。；：？！、（）《》「」『』“”‘’【】'
_PROTECTED = (
    rf"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]*+://[^{_END}]++",  # addresses
    rf"(?<![A-Za-z])(?:mailto|tel|data|urn):[^{_END}]++",
    r"(?<![A-Za-z0-9_.+\-])[A-Za-z0-9_.+\-]++@(?:[A-Za-z0-9.\-]++|[\w.\-]++)",  # e-mail
    r"(?<!\w)\w++@(?![\x00-\x7f])[\w.\-]++",
    r"@[\w.\-]++",  # people
    r"[#＃][\w\-]++[#＃]?",  # topics
    r"(?<![\w.\-~])(?![0-9/]++(?!\w))(?:[A-Za-z]:)?[\w.\-~]*+(?:[\\/][\w.\-]++){2,}[\\/]?",  # paths
    # hosts, files, versions, but no plain decimals
    r"(?<![A-Za-z0-9_.\-])(?![0-9]++\.[0-9]++(?![\w.]))[A-Za-z0-9_\-]++(?:\.[A-Za-z0-9_\-]++)+"
    rf"(?:[:/][^{_END}]*+)?",
    r"\$?\{\{[^{}\n]*+\}\}|\$?\{[^{}\n]*+\}",  # {name}
    r"\[\[[^\[\]\s]++\]\]|\[[^\[\]\s]++\]",  # [MASK]
    r"</?+[^<>\s][^<>\n]*+>",  # <tag>
    r"%%|%(?:\([^)\n]*+\))?[#0\-+]*+\d*+(?:\.\d++)?[a-zA-Z]",  # %s
    r"\$\w++|&#?\w++;|\\\w|:[a-z0-9_+\-]++:",  # $name, &amp;, \n, :smile:
    r"(?<!\w)[^\W_]*+_\w*+",  # snake_case, __name__
)
PROTECTED = "|".join(_PROTECTED)
"""What must not be split, as a regular expression: addresses, placeholders, tags, names with underscores."""
_HINT = re.compile(r"[@#＃{\[<%$&\\/:_]")
_DOT = re.compile(r"[A-Za-z0-9]\.[A-Za-z0-9]")


def may_hold_protected(text: str) -> bool:
    """Whether a text may hold something that `PROTECTED` matches: a quick check without false negatives.

    Example:
        >>> may_hold_protected("A plain sentence."), may_hold_protected("See a.com")
        (False, True)
    """
    return _HINT.search(text) is not None or ("." in text and _DOT.search(text) is not None)


def is_simple(text: str) -> bool:
    """Whether all characters of a text are simple.

    Example:
        >>> is_simple("Füße, 天气"), is_simple("fine 👍🏽")
        (True, False)
    """
    return text.isascii() or OTHER.search(text) is None


@cache
def marks() -> str:
    """Characters that belong to the one before them, as a class of a regular expression.

    All marks of the Unicode database, joiners, skin tones, tags, and the vowels and finals of Hangul: a superset of
    what extends a grapheme cluster (Unicode Annex 29), so that no cluster is split.
    """
    extra = {0x200C, 0x200D, 0xFF9E, 0xFF9F, 0x0E33, 0x0EB3, *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)}
    extra |= {*range(0x1160, 0x1200), *range(0xD7B0, 0xD7FC)}
    planes = (*range(0x300, 0x20000), *range(0xE0000, 0xE1000))
    extra |= {code for code in planes if unicodedata.category(chr(code))[0] == "M"}
    return _as_class(sorted(extra))


@cache
def other_letters() -> str:
    """Letters that are not simple, as a class of a regular expression: Arabic, Devanagari, Thai and so on."""
    simple = f"{LETTERS}{HAN}{_KANA}{_SIGNS}"
    everything = "".join(map(chr, range(0x80, sys.maxunicode + 1)))
    return "".join(f"{run[0]}-{run[-1]}" for run in re.findall(rf"[^\W\d_{simple}{marks()}]+", everything))


def _as_class(codes: Iterable[int]) -> str:
    parts: list[str] = []
    start = before = -2
    for code in [*codes, -2]:
        if code != before + 1:
            if start >= 0:
                parts.append(f"\\U{start:08x}-\\U{before:08x}")
            start = code
        before = code
    return "".join(parts)
