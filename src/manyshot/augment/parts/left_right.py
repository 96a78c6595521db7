"""Left and right in texts, exchanged: what a caption has to say of the mirror image of its picture."""

import re

_PAIRS = {
    "left": "right",
    "leftmost": "rightmost",
    "leftward": "rightward",
    "leftwards": "rightwards",
    "lefthand": "righthand",
    "clockwise": "counterclockwise",
}
_OTHER = {**_PAIRS, **{right: left for left, right in _PAIRS.items()}, "anticlockwise": "clockwise"}
_IDIOMS = (
    "all right",
    "right away",
    "right now",
    "right after",
    "right before",
    "right here",
    "right there",
    "right next",
    "just right",
    "right angles?",
    "right[- ]angled",
    "right triangle",
    "right and wrong",
    "right or wrong",
    "human right",
    "left over",
    "left behind",
    "left alone",
    "left out",
    "has left",
    "have left",
    "had left",
    "nothing left",
)
"""Where the words mean something else, they stay."""
_ENGLISH = re.compile(rf"\b(?:(?P<idiom>{'|'.join(_IDIOMS)})|(?P<word>{'|'.join(_OTHER)}))\b", re.IGNORECASE)
_HAN_IDIOMS = (
    *("左右", "座右铭", "座右銘", "左派", "右派", "极左", "极右", "極左", "極右", "左倾", "右倾", "左傾", "右傾"),
    *(
        "左邻右舍",
        "左鄰右舍",
        "左顾右盼",
        "左顧右盼",
        "左思右想",
        "左膀右臂",
        "旁门左道",
        "旁門左道",
        "相左",
        "无出其右",
    ),
)
"""Likewise; 左右 is "about" after a number, and says the same of the mirror image otherwise."""
_HAN = re.compile(f"(?P<idiom>{'|'.join(_HAN_IDIOMS)})|(?P<word>[左右])")


def exchange_left_right(text: str) -> str:
    """Exchange left and right in an English or Chinese text.

    Words that are compared are whole words, in any case; "left-hand" and "rightmost" count. Idioms such as "all right",
    "left over" and 左右 stay. "right" in the sense of "correct" cannot be told apart, and is exchanged.

    Args:
        text: A text.

    Example:
        >>> exchange_left_right("Left: a cat looks to the right, all right?")
        'Right: a cat looks to the left, all right?'
        >>> exchange_left_right("左边有一只猫，三只左右，左邻右舍都来看")
        '右边有一只猫，三只左右，左邻右舍都来看'
    """

    def english(match: re.Match[str]) -> str:
        word = match["word"]
        if word is None:
            return match[0]
        other = _OTHER[word.lower()]
        if word.isupper():
            return other.upper()
        return other.capitalize() if word[0].isupper() else other

    def han(match: re.Match[str]) -> str:
        return match[0] if match["word"] is None else {"左": "右", "右": "左"}[match[0]]

    return _HAN.sub(han, _ENGLISH.sub(english, text))
