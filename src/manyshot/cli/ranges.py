"""Numbers that may be a range, as written on the command line."""

from manyshot.base import InputError


def number_or_range(text: str, option: str) -> int | tuple[int, int]:
    """Read "5" or "5-20".

    Raises:
        InputError: If the text is neither.

    Example:
        >>> number_or_range("5", "--ways"), number_or_range("5-20", "--ways")
        (5, (5, 20))
    """
    parts = text.split("-")
    if len(parts) > 2 or not all(
        part.strip().isascii() and part.strip().isdigit() and len(part) < 10 for part in parts
    ):
        raise InputError(f"{option} {text}: give a whole number such as 5, or a range such as 5-20")
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
