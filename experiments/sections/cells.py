"""What the tables of all sections are made of."""

from collections.abc import Iterable, Sequence

SURE = 0.05
"""Differences of a smaller p-value are set in bold."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table.

    Example:
        >>> table(["arm", "accuracy"], [["none", "50%"]])
        ['| arm | accuracy |', '| --- | --- |', '| none | 50% |']
    """
    return ["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)]


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
    told = f"{scale * gap['difference']:+.{digits}f}"
    return f"{f'**{told}**' if gap[p_value] < SURE else told} [{low}, {high}]"


def several(number: int | list[int], one: str, many: str = "") -> str:
    """How many of something; a range has two numbers.

    Example:
        >>> several(1, "shot"), several([1, 5], "shot"), several(5, "query", "queries")
        ('1 shot', '1 to 5 shots', '5 queries')
    """
    words = " to ".join(map(str, number)) if isinstance(number, list) else str(number)
    return f"{words} {one if number == 1 else many or one + 's'}"
