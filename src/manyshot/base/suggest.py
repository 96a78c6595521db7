"""Help for a mistyped name."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

SHOWN = 12
"""Names of a list that an error shows."""
LONGEST = 40
"""Characters of a name that an error shows."""


def name_list(names: Sequence[str]) -> str:
    """Names for an error message: the first few, cut to a length, and how many more there are.

    Example:
        >>> name_list(["affine", "flip"])
        'affine, flip'
        >>> name_list([f"column {i}" for i in range(200_000)])[-26:]
        'column 11 and 199,988 more'
    """
    shown = ", ".join(short(name) for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN:,} more" if len(names) > SHOWN else shown


def short(name: str) -> str:
    """A name cut to the length that an error message shows.

    Example:
        >>> short("affine"), len(short("a" * 3000))
        ('affine', 40)
    """
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest known one, or all of them (`name_list`).

    Example:
        >>> did_you_mean("afine", ["affine", "flip"])
        "did you mean 'affine'?"
        >>> did_you_mean("zzz", ["affine", "flip"])
        'known: affine, flip'
    """
    known = sorted(known)
    near = get_close_matches(name[:LONGEST], known, n=1)
    return f"did you mean '{short(near[0])}'?" if near else f"known: {name_list(known)}"
