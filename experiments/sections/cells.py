"""What the tables of all sections are made of."""

from collections.abc import Iterable, Sequence
from textwrap import fill

SURE = 0.05
"""Differences of a smaller p-value are set in bold."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table.

    Example:
        >>> table(["arm", "accuracy"], [["none", "50%"]])
        ['| arm | accuracy |', '| --- | --- |', '| none | 50% |']
    """
    return ["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)]


def paragraph(text: str) -> str:
    r"""A paragraph in lines of at most 118 letters, with an empty line below it.

    Example:
        >>> paragraph("Two words.")
        'Two words.\n'
    """
    return fill(text, 118, break_on_hyphens=False, break_long_words=False) + "\n"


def with_differences(names: Iterable[str]) -> list[str]:
    """The headings of figures by their names, each followed by its difference from another arm."""
    return [head for name in names for head in (name, "difference [95 %]")]


def difference(gap: dict | None, p_value: str, scale: float = 100, digits: int = 1) -> str:
    """A difference with its interval, in points unless said otherwise; nothing where there is none.

    Args:
        gap: holds the difference, its interval and its p-value.
        p_value: by which name.
        scale: what to multiply it with.
        digits: behind the point.

    Example:
        >>> difference({"difference": 0.02, "interval": [0.01, 0.03], "p_value": 0.01}, "p_value")
        '**+2.0** [+1.0, +3.0]'
    """
    if gap is None:
        return ""
    low, high = (f"{scale * end:+.{digits}f}" for end in gap["interval"])
    output = f"{scale * gap['difference']:+.{digits}f}"
    return f"{f'**{output}**' if gap[p_value] < SURE else output} [{low}, {high}]"


def interval(result: dict, scale: float = 100, form: str = "+.1f") -> str:
    """A 95 % interval, in points unless said otherwise.

    Example:
        >>> interval({"interval": [-0.01, 0.03]}), interval({"interval": [0.25, 0.5]}, 1, ".1%")
        ('[-1.0, +3.0]', '[25.0%, 50.0%]')
    """
    low, high = (f"{scale * end:{form}}" for end in result["interval"])
    return f"[{low}, {high}]"


def points(gap: dict | None) -> str:
    """A difference in points with its interval, never bold; nothing where there is none.

    Example:
        >>> points({"difference": 0.02, "interval": [0.01, 0.03]})
        '+2.0 [+1.0, +3.0]'
    """
    return "" if gap is None else f"{100 * gap['difference']:+.1f} {interval(gap)}"


def several(number: int | list[int], one: str, many: str = "") -> str:
    """How many of something; a range has two numbers.

    Example:
        >>> several(1, "shot"), several([1, 5], "shot"), several(5, "query", "queries")
        ('1 shot', '1 to 5 shots', '5 queries')
    """
    words = " to ".join(map(str, number)) if isinstance(number, list) else str(number)
    return f"{words} {one if number == 1 else many or one + 's'}"
