"""Help for a mistyped name."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest known one, or all of them.

    Example:
        >>> did_you_mean("afine", ["affine", "flip"])
        "did you mean 'affine'?"
        >>> did_you_mean("zzz", ["affine", "flip"])
        'known: affine, flip'
    """
    known = sorted(known)
    near = get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else "known: " + ", ".join(known)
