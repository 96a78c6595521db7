"""Names replaced by names of the same kind."""

import re
from dataclasses import dataclass
from functools import lru_cache

from manyshot.augment.ops.op import Params
from manyshot.augment.text.characters import HAN
from manyshot.augment.text.data_files import read_lines
from manyshot.augment.text.text_op import TextOp, draw_numbers
from manyshot.augment.text.words import find_outside_protected, replace_matches


@dataclass(frozen=True)
class Entities(TextOp):
    r"""Replace each name that a file lists by another name of the same kind.

    Only for classes that do not depend on the name. The file has one name per line, and an empty line between kinds:
    cities, then dishes. A name is matched as it is written, as a whole word (in Chinese anywhere), the longest first,
    outside addresses and placeholders.

    Args:
        file: Path of the file of names, in UTF-8.

    Example:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "names.txt"
        >>> _ = path.write_text("Rome\nNew York\n\npizza\nsushi\n")
        >>> Entities(str(path)).apply(["Is there pizza in New York?"], {"seed": torch.tensor([1])})
        ['Is there sushi in Rome?']
    """

    file: str

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; the name of a kind with one name stays.

        Raises:
            InputError: If the file does not exist.
        """
        others = _others(read_lines(self.file, "names"))
        if not others:
            return list(texts)
        names = [find_outside_protected(text, _pattern(tuple(others))) for text in texts]
        results = []
        for text, matches, numbers in zip(
            texts, names, draw_numbers(params["seed"], list(map(len, names))), strict=True
        ):
            choices = [others[match.group()] for match in matches]
            new = [some[int(number * len(some))] for some, number in zip(choices, numbers, strict=True)]
            results.append(replace_matches(text, matches, new))
        return results


@lru_cache(maxsize=16)
def _others(lines: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """For each name, the other names of its kinds."""
    kinds: list[list[str]] = [[]]
    for line in lines:
        if line:
            kinds[-1].append(line)
        else:
            kinds.append([])
    names = {name for kind in kinds for name in kind}
    others = {name: dict.fromkeys(other for kind in kinds if name in kind for other in kind) for name in sorted(names)}
    return {name: tuple(other for other in kind if other != name) for name, kind in others.items() if len(kind) > 1}


@lru_cache(maxsize=16)
def _pattern(names: tuple[str, ...]) -> str:
    """A pattern of all names; a name with a Latin letter at an end is not matched inside a word."""
    letter = rf"[^\W{HAN}]"

    def whole(name: str) -> str:
        begin = f"(?<!{letter})" if re.match(letter, name) else ""
        end = f"(?!{letter})" if re.search(f"{letter}$", name) else ""
        return begin + re.escape(name) + end

    return "|".join(whole(name) for name in sorted(names, key=len, reverse=True))
