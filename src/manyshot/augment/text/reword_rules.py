"""Groups of interchangeable phrases, and where a text has one: `reworded_english.txt`, `reworded_chinese.txt`.

In a line `a | b | c` of these files each phrase may replace each other one; in a line `a > b | c` only the first is
replaced. `~` before a phrase means that it is replaced but never put in, `^` that it begins a sentence, `$` that it
ends one, `?` that it asks. A word `<name>` is any of a class of words, which a line `<name> = word word ...` defines;
all phrases of the group take over the word that is there. `#` is a number, `####` a year. `-word/word` before or behind
a phrase names neighbors that it must not have where it is replaced; `$` among them is the end of a sentence.
"""

import re
from bisect import bisect_left
from functools import cache, reduce
from importlib.resources import files
from typing import NamedTuple

from manyshot.augment.text.characters import PROTECTED, may_hold_protected
from manyshot.augment.text.chinese_tools import is_han
from manyshot.augment.text.words import split_words

_OPENING = re.compile(r"(?:^|[.!?。！？；，：\n]|\b(?:hey|hi|hello|so|ok|okay|well),?)[\s\"'“‘(]*$", re.IGNORECASE)
_CLOSING = re.compile(r"[\s\"'”’)]*(?:$|[.!?。！？；\n])")
_FINAL = re.compile(r"[^.!?。！？；\n]*([.!?。！？])(?=\s|$|[\"'”’]|[^\x00-\x7f])")
_PROTECTED = re.compile(PROTECTED)
_ARTICLE = re.compile(r"(?<![\w'’.-])([Aa])n? $")
_CLASS = re.compile(r"<\w+> = ")
_COMMANDS = {"?": ".", "？": "。"}
_QUESTIONS = {".": "?", "。": "？"}
_SILENT_H, _SPOKEN_U = (
    ("hour", "honest", "honor", "honour", "heir"),
    ("uni", "use", "usu", "uti", "eu", "one", "once", "ubi"),
)


class Choice(NamedTuple):
    """What a phrase may become.

    Args:
        text: The other phrase, in the case of the one that it replaces.
        mark: Final marks of a sentence and what replaces them, where a question becomes a command or the reverse.
    """

    text: str
    mark: dict[str, str]


class Edit(NamedTuple):
    """A phrase of a text that may be replaced.

    Args:
        start: Where it begins.
        end: Where it ends.
        choices: What may replace it.
    """

    start: int
    end: int
    choices: tuple[Choice, ...]

    def apply(self, text: str, choice: Choice) -> str:
        """The text with the phrase replaced; a or an before it and the mark behind its sentence follow.

        Args:
            text: The text, which is the same up to the end of the phrase as when the edit was found.
            choice: One of `choices`.
        """
        rest = text[self.end :]
        final = _FINAL.match(_hide_protected(rest)) if choice.mark else None
        if final and final[1] in choice.mark:
            rest = rest[: final.start(1)] + choice.mark[final[1]] + rest[final.end(1) :]
        return fix_article(text[: self.start], choice.text) + choice.text + rest


class Phrase(NamedTuple):
    """A phrase of a group, ready to be matched and put in."""

    pattern: str
    template: str
    is_put_in: bool
    opens: bool
    closes: bool
    asks: bool
    not_behind: frozenset[str]
    not_before: frozenset[str]
    classes: frozenset[str]
    keys: tuple[str, ...]


class Rule(NamedTuple):
    """A phrase and what may replace it."""

    phrase: Phrase
    others: tuple[Phrase, ...]


def find_edits(text: str) -> tuple[Edit, ...]:
    """The phrases of a text that other phrases may replace.

    Args:
        text: An English or a Chinese text, or one with both.

    Raises:
        InputError: If the text has Han characters and the package for their segmentation is not installed.

    Example:
        >>> [choice.text for choice in find_edits("Can one buy a car here?")[0].choices]
        ['purchase']
    """
    words = split_words(text)
    positions, start = [], 0
    for index, part in enumerate(words.parts):
        if index % 2:
            positions.append((start, start + len(part)))
        start += len(part)
    usable = {positions[index // 2][0] for index in words.indices}
    starts, ends = [start for start, _ in positions], {end for _, end in positions}
    way = _way_of_writing(text)
    edits = []
    for place, (start, end) in enumerate(positions):
        if start not in usable:
            continue
        word = text[start:end]
        han = is_han(word)
        for rule in _rules(han).get(word[0] if han else _plain(word), ()):
            match = _compiled(rule.phrase.pattern).match(text, start)
            if match is None or not (match.end() in ends or text[match.end() - 1].isdigit()):
                continue
            before = _plain(text[slice(*positions[place - 1])]) if place else ""
            closing = _CLOSING.match(text, match.end()) is not None
            following = bisect_left(starts, match.end())
            after = _plain(text[slice(*positions[following])]) if following < len(positions) else ""
            after = "$" if closing else after
            if _fits(rule.phrase, text, match, before, after):
                choices = tuple(_choices(rule, text, match, way))
                if choices:
                    edits.append(Edit(start, match.end(), choices))
    return tuple(edits)


def fix_article(before: str, following: str) -> str:
    """A text that ends with a or an, with the article that suits what follows.

    Args:
        before: What comes before.
        following: What follows.

    Example:
        >>> fix_article("buy a ", "automobile"), fix_article("An ", "hour"), fix_article("an ", "used car")
        ('buy an ', 'An ', 'a ')
    """
    found = _ARTICLE.search(before, max(0, len(before) - 4))
    if found is None or not following[:1].isalpha():
        return before
    word = following.lower()
    vowel = (word[0] in "aeiou" and not word.startswith(_SPOKEN_U)) or word.startswith(_SILENT_H)
    return before[: found.start()] + found[1] + ("n " if vowel else " ")


def _hide_protected(text: str) -> str:
    """The text with letters in place of addresses and the like, whose marks end no sentence."""
    return _PROTECTED.sub(lambda found: "x" * len(found[0]), text) if may_hold_protected(text) else text


def _plain(word: str) -> str:
    return word.lower().replace("’", "'")


def _fits(phrase: Phrase, text: str, match: re.Match[str], before: str, after: str) -> bool:
    """Whether the place and the neighbors are right."""
    if before in phrase.not_behind or after in phrase.not_before:
        return False
    if phrase.opens and _OPENING.search(text[max(0, match.start() - 12) : match.start()]) is None:
        return False
    return not phrase.closes or after == "$"


class _Way(NamedTuple):
    """How a text is written."""

    in_capitals: bool
    has_small_i: bool
    has_please: bool
    has_curly_apostrophes: bool


def _way_of_writing(text: str) -> _Way:
    in_capitals, has_capitals = text.isupper(), text != text.lower()
    has_small_i = not has_capitals or re.search(r"\bi\b", text) is not None
    return _Way(in_capitals, has_small_i, "please" in text.lower(), "’" in text)


def _choices(rule: Rule, text: str, match: re.Match[str], way: _Way) -> list[Choice]:
    """The other phrases of the group, in the case of this one; none if a word of it is a name."""
    found = match.group()
    if is_han(found):
        return [Choice(_fill(other, match), _mark(rule.phrase, other)) for other in rule.others]
    words = found.split(" ")
    shouted = way.in_capitals and len(found) > 2
    opening = _OPENING.search(text[max(0, match.start() - 12) : match.start()]) is not None
    for index, word in enumerate(words):
        if word[0].isupper() and not shouted and not re.fullmatch(r"I(?:['’]\w+)?", word) and (index or not opening):
            return []
    results = []
    for other in rule.others:
        new = _fill(other, match)
        if "please" in new and "please" not in _plain(found) and way.has_please:
            continue
        if not way.has_small_i:
            new = re.sub(r"\bi\b", "I", new)
        if shouted:
            new = new.upper()
        elif opening and words[0][0].isupper():
            new = new[0].upper() + new[1:]
        if way.has_curly_apostrophes:
            new = new.replace("'", "’")
        if new != found:
            results.append(Choice(new, _mark(rule.phrase, other)))
    return results


def _fill(phrase: Phrase, match: re.Match[str]) -> str:
    names = (("####", "<year>"), ("#", "<number>"))
    template = reduce(lambda text, name: text.replace(*name), names, phrase.template)
    return re.sub(r"<(\w+)>", lambda slot: match[slot[1]], template)


def _mark(old: Phrase, new: Phrase) -> dict[str, str]:
    return {} if old.asks == new.asks else _QUESTIONS if new.asks else _COMMANDS


@cache
def _rules(han: bool) -> dict[str, tuple[Rule, ...]]:
    """The rules of a language, by the first word or Han character of the phrase that they replace."""
    rules: dict[str, list[Rule]] = {}
    for line in _lines(han):
        if not _CLASS.match(line):
            phrases = [_parse(text.strip(), han) for text in re.split(" > | \\| ", line)]
            for phrase in phrases[:1] if " > " in line else phrases:
                others = tuple(
                    other
                    for other in phrases
                    if other is not phrase and other.is_put_in and other.classes <= phrase.classes
                )
                for key in phrase.keys if others else ():
                    rules.setdefault(key, []).append(Rule(phrase, others))
    return {key: tuple(found) for key, found in rules.items()}


def _parse(text: str, han: bool) -> Phrase:
    """`[~^?]* [-words] word <class> # ... [-words] [$]`."""
    flags = re.match(r"[~^?]*", text)
    assert flags is not None
    tokens = text[flags.end() :].split()
    closes = tokens[-1] == "$"
    tokens = tokens[:-1] if closes else tokens
    behind: frozenset[str] = frozenset()
    ahead: frozenset[str] = frozenset()
    if tokens[0].startswith("-"):
        behind = _neighbors(tokens.pop(0), han)
    if tokens[-1].startswith("-"):
        ahead = _neighbors(tokens.pop(), han)
    regex = [_token_pattern(token, han) for token in tokens]
    space, end = ("", "") if han else (" ", r"(?![\w'’\-])")
    return Phrase(
        space.join(regex) + end,
        space.join(tokens),
        is_put_in="~" not in flags.group(),
        opens="^" in flags.group(),
        closes=closes,
        asks="?" in flags.group(),
        not_behind=behind,
        not_before=ahead,
        classes=frozenset(token for token in tokens if token[0] in "<#"),
        keys=tuple(dict.fromkeys(head[0] if han else head for head in _members(tokens[0], han))),
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when a text first needs it: all of them take half a second."""
    return re.compile(pattern, re.IGNORECASE)


def _neighbors(token: str, han: bool) -> frozenset[str]:
    return frozenset(word for name in token[1:].split("/") for word in _members(name, han))


def _token_pattern(token: str, han: bool) -> str:
    if token == "#":
        return "(?P<number>[0-9]+(?:[.,][0-9]+)*)"
    if token == "####":
        return "(?P<year>1[0-9]{3}|20[0-9]{2})(?![0-9–])"
    if token[0] != "<":
        return re.escape(token).replace("'", "['’]")
    members = sorted(map(re.escape, _members(token, han)), key=len, reverse=True)
    return f"(?P<{token[1:-1]}>{'|'.join(members)})"


def _members(token: str, han: bool) -> tuple[str, ...]:
    """The words of a class, or the word itself."""
    return _classes(han)[token] if token[0] == "<" else (token,)


@cache
def _classes(han: bool) -> dict[str, tuple[str, ...]]:
    """The classes of words of a language, such as `<my>`."""
    defined = (line.partition(" = ") for line in _lines(han) if _CLASS.match(line))
    return {name: tuple(members.split()) for name, _, members in defined}


@cache
def _lines(han: bool) -> tuple[str, ...]:
    name = "reworded_chinese.txt" if han else "reworded_english.txt"
    lines = files("manyshot.augment.text").joinpath(name).read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("//"))
