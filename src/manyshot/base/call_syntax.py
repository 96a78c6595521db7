"""The syntax of names with options, `maml(steps=5)`: text to a `Call` and back, before any name is looked up.

call     = name ["(" [argument ("," argument)*] ")"]
argument = value | name "=" value      values by position first, then by name
value    = number | word | "text" | call+
"""

import math
import re
from dataclasses import dataclass, field
from typing import NoReturn

from manyshot.base.errors import InputError

MAX_LENGTH = 10_000
MAX_DEPTH = 8

Value = float | str | tuple["Call", ...]
"""What an option is set to: a number, a text in quotes, or a word or calls; a word is a call without arguments."""


@dataclass(frozen=True)
class Call:
    """One name with its options, as written: `elastic(0.1, cells=5)`.

    Args:
        name: The name, or the word itself where a word stands.
        arguments: Values by position.
        options: Values by name, as written.
        at: The character, from 1, at which it begins; 0 if it was not parsed. Ignored by `==`.
        what: The kind of text that it was parsed from, which begins error messages. Ignored by `==`.

    Example:
        >>> str(Call("elastic", (0.1,), (("cells", 5.0),)))
        'elastic(0.1, cells=5)'
    """

    name: str
    arguments: tuple[Value, ...] = ()
    options: tuple[tuple[str, Value], ...] = ()
    at: int = field(default=0, compare=False, repr=False)
    what: str = field(default="plan", compare=False, repr=False)

    def __str__(self) -> str:
        inside = [write(value) for value in self.arguments] + [f"{name}={write(value)}" for name, value in self.options]
        return f"{self.name}({', '.join(inside)})" if inside else self.name

    @property
    def place(self) -> str:
        """The call and its position, for error messages."""
        return f"'{shorten(str(self))}'" + (f" (character {self.at})" if self.at else "")

    def fail(self, wrong: str, hint: str) -> NoReturn:
        """Refuse the call in one line.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{self.what}: {self.place}: {wrong}; {hint}")


def write(value: Value) -> str:
    """A value as text.

    Example:
        >>> write(0.5), write("a text"), write((Call("flip"), Call("noise", (0.1,))))
        ('0.5', '"a text"', 'flip noise(0.1)')
    """
    if isinstance(value, str):
        return f'"{value}"'
    return " ".join(map(str, value)) if isinstance(value, tuple) else number(value)


def number(value: float) -> str:
    """The shortest text that reads back as the same number.

    Example:
        >>> number(8.0), number(0.10), number(1e-07)
        ('8', '0.1', '1e-7')
    """
    mantissa, _, exponent = repr(float(value)).partition("e")
    return mantissa.removesuffix(".0") + (f"e{int(exponent)}" if exponent else "")


def shorten(text: str) -> str:
    """Cut a user's text to at most 40 characters, to quote it in an error."""
    return text if len(text) <= 40 else text[:37] + "..."


def word(value: Value) -> str | None:
    """The word that a value is; None for a number, a text in quotes, or calls with arguments.

    Example:
        >>> word((Call("yes"),)), word(1.0)
        ('yes', None)
    """
    if isinstance(value, tuple) and len(value) == 1 and not value[0].arguments and not value[0].options:
        return value[0].name
    return None


def parse_call(text: str, what: str, paths: bool = False) -> Call:
    """Parse one name with its options.

    Args:
        text: Such as "maml(steps=5)".
        what: What the text names, for error messages.
        paths: Whether names may hold dots and slashes, as models of other libraries and folders do.

    Raises:
        InputError: If the text does not parse.

    Example:
        >>> parse_call("maml( steps = 5 )", "learner")
        Call(name='maml', arguments=(), options=(('steps', 5.0),))
        >>> str(parse_call("timm(resnet18.a1_in1k)", "encoder", paths=True))
        'timm(resnet18.a1_in1k)'
    """
    if len(text) > MAX_LENGTH or not text.strip():
        raise InputError(f"{what} of {len(text)} characters: give a name and, in brackets, its options")
    return CallParser(text, what, paths).one_call()


NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*"
_PATH = r"[A-Za-z_~./][A-Za-z0-9_~./-]*"


def _tokens(name: str) -> re.Pattern[str]:
    digits = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return re.compile(rf"(?P<number>{digits})|(?P<name>{name})|(?P<sign>[;:+(),=])|(?P<text>\"[^\"\n]*\")")


_TOKEN, _TOKEN_OR_PATH = _tokens(NAME), _tokens(_PATH)


def is_word(text: str, paths: bool = False) -> bool:
    """Whether a text can be written without quotes.

    Example:
        >>> is_word("non-saturating"), is_word("two words"), is_word("a/path", paths=True)
        (True, False, True)
    """
    return re.fullmatch(_PATH if paths else NAME, text) is not None


@dataclass(frozen=True)
class Token:
    """A piece of text: its kind (number, name, sign, text, end), itself, and its position from 1."""

    kind: str
    text: str
    at: int


class CallParser:
    """A recursive-descent parser with one method per line of the grammar.

    Args:
        text: What to parse.
        what: What the text is, for error messages.
        paths: Whether names may hold dots and slashes.

    Raises:
        InputError: If a character belongs to no token.
    """

    def __init__(self, text: str, what: str, paths: bool = False) -> None:
        self.what = what
        self.tokens: list[Token] = []
        self.next = 0
        index = 0
        while index < len(text):
            if text[index].isspace():
                index += 1
                continue
            match = (_TOKEN_OR_PATH if paths else _TOKEN).match(text, index)
            if match is None:
                raise InputError(f"{what}: {text[index]!a} (character {index + 1}) has no meaning here; remove it")
            self.tokens.append(Token(str(match.lastgroup), match.group(), index + 1))
            index = match.end()
        self.tokens.append(Token("end", "", len(text) + 1))

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.next]

    def advance(self) -> Token:
        """Step over the next token and return it."""
        self.next += 1
        return self.tokens[self.next - 1]

    def has(self, text: str) -> bool:
        """Whether this sign or word comes next; steps over it if so."""
        if self.token.kind in ("sign", "name") and self.token.text == text:
            self.next += 1
            return True
        return False

    def fail(self, expected: str) -> NoReturn:
        """Refuse the next token.

        Raises:
            InputError: Always.
        """
        token = self.token
        actual = (
            f"the {self.what} ends" if token.kind == "end" else f"'{shorten(token.text)}' (character {token.at}) stands"
        )
        raise InputError(f"{self.what}: {actual} where {expected} should stand")

    def one_call(self) -> Call:
        """Parse a call and nothing else."""
        if self.token.kind != "name":
            self.fail(f"the name of a {self.what}")
        call = self.call(1)
        if self.token.kind != "end":
            self.fail("the end")
        return call

    def call(self, depth: int) -> Call:
        """Parse a call.

        Args:
            depth: How many calls it is nested in, plus one.
        """
        if depth > MAX_DEPTH:
            self.fail(f"the end (calls nest at most {MAX_DEPTH} deep)")
        name = self.advance()
        arguments: list[Value] = []
        options: dict[str, Value] = {}
        if self.has("(") and not self.has(")"):
            while True:
                token = self.token
                if token.kind == "name" and self.tokens[self.next + 1].text == "=":
                    self.next += 2
                    if token.text in options:
                        where = f"{self.what}: {name.text}: '{shorten(token.text)}=' (character {token.at})"
                        raise InputError(f"{where} is given twice; give it once")
                    options[token.text] = self.value(depth)
                elif options:
                    self.fail("'name=' (values by position come before values by name)")
                else:
                    arguments.append(self.value(depth))
                if not self.has(","):
                    break
            if not self.has(")"):
                self.fail("',' or ')'")
        return Call(name.text, tuple(arguments), tuple(options.items()), name.at, self.what)

    def value(self, depth: int) -> Value:
        """Parse the value of an option."""
        if self.token.kind == "number":
            return self.number()
        if self.token.kind == "text":
            return self.advance().text[1:-1]
        calls = []
        while self.token.kind == "name":
            calls.append(self.call(depth + 1))
        if not calls:
            self.fail("a number, a word, a text in quotes or an op")
        return tuple(calls)

    def number(self) -> float:
        """Parse a finite number."""
        if self.token.kind != "number":
            self.fail("a number")
        value = float(self.token.text)
        if not math.isfinite(value):
            self.fail("a smaller number")
        self.next += 1
        return value
