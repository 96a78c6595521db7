"""Which examples belong together, such as those of one patient, by a regular expression on their names."""

import re
from collections.abc import Sequence

from manyshot.base import InputError


def match_groups(names: Sequence[str], group_by: str, where: str) -> list[str]:
    """Find the group of each example in its name.

    Args:
        names: Names of the examples, such as "pneumonia/person12_virus_3.jpeg".
        group_by: Regular expression; the group is what its brackets match, joined by "_" if there are several, or all
            that it matches without brackets.
        where: Path of the examples in error messages.

    Raises:
        InputError: If it is not a regular expression, or does not match every name.

    Example:
        >>> match_groups(["a/person1_x.png", "a/IM-2.png"], r"(person[0-9]+)|(IM-[0-9]+)", "scans")
        ['person1', 'IM-2']
    """
    try:
        pattern = re.compile(group_by)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(
            f"group_by='{group_by}': not a regular expression ({error}); write one such as '(patient[0-9]+)'"
        ) from None
    found = [pattern.search(name) for name in names]
    for name, match in zip(names, found, strict=True):
        if match is None:
            raise InputError(f"{where}: group_by='{group_by}' does not match '{name}'; give one that always matches")
    return ["_".join(part for part in match.groups() if part) or match.group() for match in found if match]
