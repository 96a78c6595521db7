"""Settings of runs that earlier versions wrote, brought up to date as they are read.

A run's `config.json` holds the number of its format. Renaming an option of a stored run takes one entry in a table
here, and, once a version with the old name has been released, the next format number.
"""

import re
from collections.abc import Callable
from typing import Any

from manyshot.base import InputError
from manyshot.base.call_syntax import Call, parse_call

FORMAT = 3
"""The format that runs are written in. Format 1 had no number."""

FIELDS = {"centred": "centered"}
"""Settings of a run that were renamed after format 1: old name, new name."""

FIT_FIELDS = {
    "rate": "learning_rate",
    "discriminator_rate": "discriminator_learning_rate",
    "tasks_per_step": "meta_batch_size",
    "batch": "batch_size",
    "warm_up": "warmup_steps",
    "clip": "grad_clip",
    "averaging": "ema_decay",
    "adapt": "ada_target",
    "adapt_items": "ada_examples",
    "validate_every": "eval_every",
    "look_every": "eval_every",
    "look_items": "eval_examples",
}
"""The same for the settings of its training loop."""

FIT_VALUES = {"optimizer": {"adam": "adamw"}, "schedule": {"halving": "step"}}
"""Values of those settings that were renamed: by setting, old value, new value."""

METHODS: dict[str, dict[str, str]] = {}
"""Learners, encoders and other methods that were renamed: by setting, old name, new name."""

_TEXT_OPS = (
    *("eda", "synonyms", "insert_words", "swap_words", "delete_words", "aeda", "cut_off", "typos", "ocr", "misspell"),
    *("contract", "numbers", "homophones", "lookalikes"),
)
_WARPS = ("affine", "perspective", "elastic", "thin_plate", "crop")
OPTIONS: dict[str, dict[str, dict[str, str]]] = {
    "encoder": {"efficientnet-lite0": {"size": "resolution"}},
    "model": {
        "dagan": {"judge": "discriminator_width"},
        "cvae": {"reader": "encoder_width", "strength": "kl_weight"},
    },
    "augmenter": {name: {"begin": "initial_plan"} for name in ("policy", "context-free")},
    "learner": {"probe": {"normalise": "normalize"}},
    "objective": {"protaugment": {"unlabelled": "unlabeled"}},
    "plan": {
        **{op: {"share": "fraction"} for op in _TEXT_OPS},
        **{op: {"edge": "padding_mode"} for op in _WARPS},
        "salt_pepper": {"share": "fraction"},
        "mask_words": {"share": "fraction", "top": "top_k"},
        "paraphrase": {"top": "top_k"},
        "back_translate": {"there": "forward", "back": "backward", "top": "top_k"},
    },
}
"""Options of methods that were renamed: by setting and method (its new name; "*" for all), old name, new name."""

OPTIONS_AFTER_2: dict[str, dict[str, dict[str, str]]] = {"choose": {"bandit": {"memory": "discount"}}}
"""Those that were renamed after format 2."""

POSITIONS = {
    "learner": {
        "maml": ("steps", "step_size", "order", "norm"),
        "anil": ("steps", "step_size", "order", "norm"),
        "meta-sgd": ("steps", "step_size", "order", "norm"),
        "maml-plus-plus": ("steps", "step_size", "annealing", "first_order", "norm"),
        "meta-dropout": ("steps", "step_size", "norm"),
        "reptile": ("steps", "step_size", "batches", "norm"),
    }
}
"""Options of methods whose order was another: by setting and method, the old order of values by position."""

OPTION_VALUES = {"edge": {"zero": "zeros"}}
"""Values of options that were renamed along with the option: by its old name, old value, new value."""

WORDS = {"augmenter": {"recolour": "recolor"}}
"""Words in the values of options that were renamed: by setting, old word, new word."""

PROGRESS_KEYS = {"share": "ada_probability", "unsure": "mean_discriminator_loss", "troubled": "has_problem"}
"""Entries of the progress in checkpoints that were renamed: old name, new name."""

ROW_KEYS = {"share": "ada_probability", "trouble": "problem"}
"""Entries of the rows of `metrics.jsonl` that were renamed: old name, new name."""

SAME_TABLE = {"head": "learner", "test_plan": "plan"}
"""Settings whose methods are those of another setting."""

PATHS = {"augmenter": {"learner"}, "generator": {"encoder"}}
"""Settings that name a folder instead of a method, by kind of run."""

_CALL = re.compile(r"([\w-]+)(\(?)")


def upgrade(values: dict[str, Any], where: str) -> dict[str, Any]:
    """The content of a run's `config.json` as this version writes it.

    Args:
        values: Content of the file, in this format or an earlier one; stays as it is.
        where: Path of the file, for errors.

    Raises:
        InputError: If a later version wrote the file.

    Example:
        >>> old = {"config": {"data": "digits", "centred": True, "fit": {"rate": 0.01, "optimizer": "adam"}}}
        >>> upgrade(old, "config.json")["config"]
        {'data': 'digits', 'centered': True, 'fit': {'learning_rate': 0.01, 'optimizer': 'adamw'}}
    """
    written = values.get("format", 1)
    if written not in range(1, FORMAT + 1):
        raise InputError(
            f"{where}: format {written} is not known to this version of Manyshot, which reads formats up to {FORMAT}; "
            "update Manyshot"
        )
    if written == FORMAT or not isinstance(values.get("config"), dict):
        return values
    config = values["config"] if written == 2 else _upgrade_format_1(values["config"], str(values.get("kind")))
    for name in config.keys() & OPTIONS_AFTER_2.keys():
        if isinstance(config[name], str):
            config = config | {name: upgrade_methods(config[name], {}, OPTIONS_AFTER_2[name])}
    return values | {"config": config, "format": FORMAT}


def _upgrade_format_1(config: dict[str, Any], kind: str) -> dict[str, Any]:
    """Settings of a run of format 1 under the names of format 2."""
    config = {FIELDS.get(name, name): value for name, value in config.items()}
    for name in config.keys() - PATHS.get(kind, set()):
        table = SAME_TABLE.get(name, name)
        for old, new in WORDS.get(table, {}).items():
            if isinstance(config[name], str):
                config[name] = re.sub(rf"\b{old}\b", new, config[name])
        if isinstance(config[name], str) and table in POSITIONS:
            config[name] = name_values(config[name], POSITIONS[table])
        if isinstance(config[name], str) and (table in METHODS or table in OPTIONS):
            config[name] = upgrade_methods(config[name], METHODS.get(table, {}), OPTIONS.get(table, {}))
    if isinstance(config.get("fit"), dict):
        fit = {FIT_FIELDS.get(name, name): value for name, value in config["fit"].items()}
        config["fit"] = {name: FIT_VALUES.get(name, {}).get(value, value) for name, value in fit.items()}
    return config


def name_values(text: str, positions: dict[str, tuple[str, ...]]) -> str:
    """A method whose values by position are given by name.

    Args:
        text: One method with its options.
        positions: Names of the options in the order of values by position, by method.

    Example:
        >>> name_values("maml(5, 0.1, norm=support)", {"maml": ("steps", "step_size")})
        'maml(steps=5, step_size=0.1, norm=support)'
    """
    call = parse_call(text, "method")
    order = positions.get(call.name.replace("_", "-"), ())
    if not call.arguments or len(call.arguments) > len(order):
        return text
    named = tuple(zip(order, call.arguments, strict=False))
    return str(Call(call.name, (), named + call.options))


def upgrade_methods(text: str, methods: dict[str, str], options: dict[str, dict[str, str]]) -> str:
    """Methods with their options, under the names of today.

    Args:
        text: Such as "maml(steps=5, step_size=0.4)", or a plan of several methods.
        methods: Old name and new name of renamed methods.
        options: Old name and new name of renamed options, by method (its new name; "*" for all).

    Example:
        >>> upgrade_methods("maml(steps=5, order=1)", {"maml": "first"}, {"first": {"steps": "inner_steps"}})
        'first(inner_steps=5, order=1)'
    """

    def named(call: re.Match[str]) -> str:
        return methods.get(call[1], call[1]) + call[2]

    text = _CALL.sub(named, text)
    return _rename_options(text, lambda method: options.get("*", {}) | options.get(method, {}))


def _rename_options(text: str, names: Callable[[str], dict[str, str]]) -> str:
    """Rename `option` in each `method(option=value, ...)`; calls may be nested."""
    written, open_methods, position = "", [""], 0
    for token in re.finditer(r"([\w-]+)\(|\)|([\w-]+)(?=\s*=)", text):
        written += text[position : token.start()]
        position = token.end()
        if token[1]:
            open_methods.append(token[1])
        elif token[0] == ")":
            open_methods.pop()
        old = (token[2] or "").replace("-", "_")
        new = names(open_methods[-1]).get(old)
        written += new or token[0]
        value = re.compile(r"\s*=\s*(\w+)").match(text, position) if new else None
        if value and value[1] in OPTION_VALUES.get(old, {}):
            written += f"={OPTION_VALUES[old][value[1]]}"
            position = value.end()
    return written + text[position:]
