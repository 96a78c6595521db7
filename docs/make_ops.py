"""Writes docs/ops.md from the docstrings of the ops, so that the page cannot say what the code does not do."""

from collections.abc import Iterable
from pathlib import Path

from manyshot.augment import PRESETS, describe_ops
from manyshot.augment.image import OPS as IMAGE_OPS
from manyshot.augment.mix import MIXES
from manyshot.augment.plan.describe import LEARNED_HELP, OpHelp, OptionHelp
from manyshot.augment.policies import POLICIES
from manyshot.augment.registry import CHOOSERS, NAMED
from manyshot.augment.task import TASK_OPS
from manyshot.augment.text import OPS as TEXT_OPS
from manyshot.base.catalog import spelled

PAGE = Path(__file__).with_name("ops.md")

HEAD = """# Every op and preset

Made by `python docs/make_ops.py` from the ops' own docstrings; `manyshot ops NAME` prints the same in a terminal. How
ops are written in plans is explained in [plans](plans.md), what an op is in [augmentation](augmentation.md).

Values by position fill the options in the order of the table. Every op takes `p`, the probability that it acts.
Images have values from 0 to 1; ink is 1, paper is 0.
"""

SECTIONS = {
    "On images": IMAGE_OPS,
    "On texts": TEXT_OPS,
    "Policies": POLICIES,
    "Choosing among ops": CHOOSERS,
    "Mixing": MIXES,
    "On whole tasks": TASK_OPS,
}


def page() -> str:
    """The page as text."""
    described = {op.name: op for op in describe_ops(NAMED)}
    left_out = set(described) - {name for table in SECTIONS.values() for name in map(spelled, table)}
    if left_out:
        raise ValueError(f"no section for {sorted(left_out)}; add their table to SECTIONS")
    parts = [HEAD]
    for title, table in SECTIONS.items():
        names = [spelled(name) for name in table]
        parts += [f"\n## {title}\n\n{', '.join(f'[{name}](#{name})' for name in names)}\n"]
        parts += [_op(described[name]) for name in names]
    parts += ["\n## Learned\n", _op(LEARNED_HELP)]
    rows = "".join(f"| `{name}` | {preset.summary} | `{preset.plan}` |\n" for name, preset in PRESETS.items())
    parts.append(f"\n## Presets\n\nPlans with a name.\n\n| preset | for | plan |\n| --- | --- | --- |\n{rows}")
    return "".join(parts)


def _op(op: OpHelp) -> str:
    parts = [f"### {op.name}", op.summary, *op.details.split("\n\n")]
    if op.options:
        parts += ["\n".join(["| option | default | meaning |", "| --- | --- | --- |", *_rows(op.options)])]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _rows(options: Iterable[OptionHelp]) -> Iterable[str]:
    for option in options:
        meaning = option.help.replace("|", r"\|")
        yield f"| `{option.name}` | {option.written} | {meaning} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(NAMED)} ops")
