"""Shifted dates and days of the week, for classes that do not depend on them."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.text.text_op import TextOp, draw_numbers
from manyshot.augment.text.words import find_outside_protected, replace_matches

_MONTHS = [*calendar.month_name][1:]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HAN_WEEKDAYS = "一二三四五六日"
_NAMES = "|".join(_MONTHS)
PATTERN = "|".join(
    (
        r"(?<![\w\-/])(?P<y1>[12][0-9]{3})(?P<s1>[\-/])(?P<m1>[01][0-9])(?P=s1)(?P<d1>[0-3][0-9])(?![\w\-/])",
        r"(?<![0-9])(?P<y2>[12][0-9]{3})年(?P<m2>[01]?[0-9])月(?P<d2>[0-3]?[0-9])(?=[日号])",
        rf"(?<!\w)(?P<d3>[0-3]?[0-9])(?P<t3>st|nd|rd|th|) (?P<m3>{_NAMES})(?P<b3>,? )(?P<y3>[12][0-9]{{3}})(?!\w)",
        rf"(?<!\w)(?P<m4>{_NAMES}) (?P<d4>[0-3]?[0-9])(?P<t4>st|nd|rd|th|)(?P<b4>,? )(?P<y4>[12][0-9]{{3}})(?!\w)",
        rf"(?<!\w)(?P<w5>{'|'.join(_WEEKDAYS)})(?!\w)",
        rf"(?P<n6>星期|礼拜|周)(?P<w6>[{_HAN_WEEKDAYS}])",
    )
)
"""What counts as a date or a day of the week."""
_SHORT = "|".join(sorted({*_MONTHS, *(name[:3] for name in _MONTHS), "Sept"}, key=len, reverse=True))
_DAY = r"[0-3]?[0-9](?:st|nd|rd|th)?"
TIMES = "(?i:{})".format(
    "|".join(
        (
            r"(?<![\w.,:])[0-9]{1,2}(?:[.:][0-9]{2})? ?(?:[ap]m|[ap]\.m\.|uhr|o'clock)(?!\w)",
            rf"(?<!\w){_DAY} (?:of )?(?:{_SHORT})\.?(?!\w)(?:,? [12][0-9]{{3}}(?![0-9]))?",
            rf"(?<!\w)(?:{_SHORT})\.? (?:{_DAY}(?!\w)(?:,? [12][0-9]{{3}}(?![0-9]))?|[12][0-9]{{3}}(?![0-9]))",
            r"(?<!\w)(?:in|since|until|by|year) [12][0-9]{3}(?!\w|[.,][0-9])",
            r"[0-9]{1,4}(?=[年月日号點点时時分秒])",
        )
    )
)
"""Other dates, years and times, in which numbers stay."""


@dataclass(frozen=True)
class Dates(TextOp):
    """Shift all dates and days of the week of each text by the same random number of days.

    Only for classes that do not depend on the date. The forms are `2024-05-17`, `2024/05/17`, `17 May 2024`,
    `May 17th, 2024`, `2024年5月17日`, and names of weekdays in English and Chinese; each keeps its form.

    Args:
        days: Largest shift in days, in either direction.

    Raises:
        InputError: If `days` is not a whole number from 1 to 36,500.

    Example:
        >>> import torch
        >>> Dates(30).apply(["From May 30th, 2024 (Thursday) to 2024-06-02"], {"seed": torch.tensor([1])})
        ['From June 18th, 2024 (Tuesday) to 2024-06-21']
    """

    days: int = 365

    def __post_init__(self) -> None:
        check_number(self, "days", low=1, high=36_500, whole=True)

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; dates that do not exist stay."""
        results = []
        for text, (number,) in zip(texts, draw_numbers(params["seed"], [1] * len(texts)), strict=True):
            days = int(number * 2 * self.days) - self.days
            matches = find_outside_protected(text, PATTERN)
            results.append(replace_matches(text, matches, [_move_date(match, days + (days >= 0)) for match in matches]))
        return results


def _move_date(match: re.Match[str], days: int) -> str:
    """The date or weekday some days later, in the same form."""
    form = next(name for name, value in match.groupdict().items() if value and name != "hit")[-1]
    if form == "5":
        return _WEEKDAYS[(_WEEKDAYS.index(match["w5"]) + days) % 7]
    if form == "6":
        return match["n6"] + _HAN_WEEKDAYS[(_HAN_WEEKDAYS.index(match["w6"]) + days) % 7]
    year, month, day = (match[part + form] for part in "ymd")
    try:
        number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
        moved = date(int(year), number, int(day)) + timedelta(days)
    except (ValueError, OverflowError):
        return match.group()
    if form == "1":
        return moved.strftime(f"%Y{match['s1']}%m{match['s1']}%d")
    if form == "2":
        return f"{moved.year}年{moved.month}月{moved.day}"
    name, ordinal = _MONTHS[moved.month - 1], str(moved.day) + (_ordinal_suffix(moved.day) if match["t" + form] else "")
    if form == "3":
        return f"{ordinal} {name}{match['b3']}{moved.year}"
    return f"{name} {ordinal}{match['b4']}{moved.year}"


def _ordinal_suffix(day: int) -> str:
    return "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
