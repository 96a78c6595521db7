"""Templates around texts."""

from dataclasses import dataclass

from manyshot.augment.ops.op import Params
from manyshot.augment.text.data_files import read_lines
from manyshot.augment.text.text_op import TextOp, draw_numbers
from manyshot.base import InputError

SLOT = "{text}"


@dataclass(frozen=True)
class Template(TextOp):
    """Put each text into a random template from a file: "Could you tell me: {text}".

    The file has one template per line, with `{text}` where the text goes; empty lines are skipped.

    Args:
        file: Path of the file of templates, in UTF-8.

    Example:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "templates.txt"
        >>> _ = path.write_text("Please: {text}")
        >>> Template(str(path)).apply(["buy tea"], {"seed": torch.tensor([1])})
        ['Please: buy tea']
    """

    file: str

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: If the file does not exist, or for a line without `{text}`.
        """
        templates = [line for line in read_lines(self.file, "templates") if line]
        for line in templates:
            if SLOT not in line:
                raise InputError(f"{self.file}: '{line[:40]}' has no {SLOT}; write {SLOT} where the text goes")
        numbers = draw_numbers(params["seed"], [1] * len(texts))
        return [
            templates[int(n * len(templates))].replace(SLOT, text) for text, (n,) in zip(texts, numbers, strict=True)
        ]
