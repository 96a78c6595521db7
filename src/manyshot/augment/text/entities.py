"""Names in the place of names of the same kind."""

import re
from dataclasses import dataclass
from functools import lru_cache

from manyshot.augment.ops.op import Params
from manyshot.augment.text.characters import HAN
from manyshot.augment.text.data_files import lines_of
from manyshot.augment.text.text_op import TextOp, draws
from manyshot.augment.text.words import found_outside_kept, replaced


@dataclass(frozen=True)
class Entities(TextOp):
    r"""Replace names by others of the same kind, from lists in a file: each of its names in a text by another.

    The file has a name a line, and an empty line between kinds: cities, then dishes. Only for classes that do not hang
    on the name. A name is found as it is written, as a whole word (Chinese: anywhere), the longest first, outside
    addresses and placeholders.

    Args:
        file: of names, UTF-8.

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
        """Change n texts, each by its own seed; a kind of one name stays as it is.

        Raises:
            InputError: for a file that is not there.
        """
        others = _others(lines_of(self.file, "names"))
        if not others:
            return list(texts)
        found = [found_outside_kept(text, _pattern(tuple(others))) for text in texts]
        changed = []
        for text, matches, numbers in zip(texts, found, draws(params["seed"], list(map(len, found))), strict=True):
            choices = [others[match.group()] for match in matches]
            new = [names[int(number * len(names))] for names, number in zip(choices, numbers, strict=True)]
            changed.append(replaced(text, matches, new))
        return changed


@lru_cache(maxsize=16)
def _others(lines: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """For each name, the others of its kinds."""
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
    """Any of the names; one that begins or ends with a letter that parts words is not found inside a word."""
    letter = rf"[^\W{HAN}]"

    def written(name: str) -> str:
        begin = f"(?<!{letter})" if re.match(letter, name) else ""
        end = f"(?!{letter})" if re.search(f"{letter}$", name) else ""
        return begin + re.escape(name) + end

    return "|".join(written(name) for name in sorted(names, key=len, reverse=True))
