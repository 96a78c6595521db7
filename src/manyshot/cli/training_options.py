"""The options of trainings, from the fields of their settings."""

from typing import Any

import typer

from manyshot.cli.option_groups import FieldArguments
from manyshot.cli.shared_options import ENCODING, LABEL_COLUMN, PARTS, ROOT, SEED, SIZE, SPLIT, TEXT_COLUMN

INFO: dict[str, Any] = {
    "data": typer.Argument(
        metavar="DATA",
        help="A data set (see `manyshot data list`), a folder or zip of pictures, or a table (.csv, .tsv, .jsonl) or "
        "folder (class/*.txt) of sentences.",
    ),
    "split": SPLIT,
    "root": ROOT,
    "size": SIZE,
    "text_column": TEXT_COLUMN,
    "label_column": LABEL_COLUMN,
    "encoding": ENCODING,
    "parts": PARTS,
    "encoder": typer.Option(
        help='Such as "conv4" or "conv4(64, 64, 128, 128)" for images; "minilm" or "ngrams" for sentences.'
    ),
    "ways": typer.Option(help="Classes per training task: a number, or a range such as 5-20."),
    "shots": typer.Option(help="Labeled examples per class: a number, or a range such as 1-5."),
    "learning_rate": typer.Option("--learning-rate", "--lr"),
    "seed": SEED,
}
"""What the command line has to say about a setting beside its default and documentation."""


def config_options(**others: Any) -> FieldArguments:  # noqa: ANN401 - fields of any type
    """The options for the settings of a training, but those of its loop (see `loop_options`).

    Args:
        **others: See `settings_options`; `without` names further fields that become none.
    """
    without = ("augmenter", "fit", *others.pop("without", ()))
    return settings_options("training/run_config.py", "Config", without=without, **others)


def loop_options(**others: Any) -> FieldArguments:  # noqa: ANN401 - fields of any type
    """The options for the settings of a training loop.

    Args:
        **others: See `settings_options`.
    """
    return settings_options("training/fit_settings.py", "Settings", **others)


def settings_options(module: str, name: str, **others: Any) -> FieldArguments:  # noqa: ANN401 - fields of any type
    """The options for a dataclass of settings.

    Args:
        module: Path of its module below the package.
        name: Name of the dataclass.
        **others: Fields of `FieldArguments`; `info` is added to what all commands share.
    """
    return FieldArguments(module, name, info=INFO | others.pop("info", {}), **others)
