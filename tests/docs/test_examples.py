"""Everything that the README and the pages of docs/ show is run here, and so is every script of examples/.

What a block is, is said by the words after its fence:

- `python` is run; blocks of one page share their names and a folder of their own, in which `photos/` lies.
- `pycon` is run, and answers as shown.
- `console`: every `$ manyshot ...` is read by the real parser, its plans, learners and data sets too, but not run;
  so is one that `torchrun` starts.
- `console run`: it is run, and answers as shown (`...` stands for anything; nothing shown, nothing compared).
"""

import ast
import doctest
import io
import re
import runpy
import shlex
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import typer.main
from PIL import Image

from manyshot.augment import Plan
from manyshot.augment.registry import NAMED
from manyshot.base import InputError, did_you_mean, quieten
from manyshot.classify.choose.candidates import check_plan
from manyshot.classify.encode.frozen_encoders import encoder_blocks
from manyshot.classify.heads import HEADS
from manyshot.cli.compare_presets import PRESETS
from manyshot.cli.main import app
from manyshot.compare import Arm
from manyshot.datasets import DATASETS
from manyshot.generate import MODELS
from manyshot.learners import LEARNERS
from manyshot.meta_augment import AUGMENTERS
from manyshot.nets import ENCODERS
from manyshot.objectives import OBJECTIVES
from manyshot.rl.adapt.registry import RL_LEARNERS
from manyshot.rl.rl_arm import RLArm
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.trainer import Trainer
from manyshot.rl.world_split import WorldSplit
from manyshot.rl.worlds import WORLDS
from manyshot.segment.registry import SEGMENTERS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
TORCHRUN = re.compile(r"torchrun --nproc-per-node \d+ -m (?=manyshot )")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
OWN = (
    "photos",
    "recordings",
    "scans",
    "scans.zip",
    "scan.nii.gz",
    "test",
    "faq.csv",
    "products.csv",
    "test.csv",
    "squad.json",
)
"""What the pages call data of one's own."""
LIKE_SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `line` is that of its first line of text, from 1."""

    page: str
    kind: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}"


@dataclass(frozen=True)
class Shown:
    """A command line as shown, and what is shown below it."""

    arguments: list[str]
    output: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    return [
        Block(name, m["kind"].strip(), dedent(m["text"]), text.count("\n", 0, m.start("text")) + 1)
        for m in FENCE.finditer(text)
    ]


def commands(block: Block) -> list[Shown]:
    """The `$ manyshot` lines of a block; other programs are left out."""
    shown = []
    for part in re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        line, _, output = TORCHRUN.sub("", part).partition("\n")
        if line.startswith("manyshot"):
            shown.append(Shown(shlex.split(line, comments=True)[1:], output))
    return shown


def check_values(**given: Any) -> None:
    """Stands in for a command: looks at what the parser leaves to the command itself."""
    if "division" in given:  # of `rl train` and `rl compare`
        check_agents(**given)
        return
    if "budget" in given:
        check_choices(given["encoder"], given["head"], given["plan"])
        given |= {"encoder": None, "plan": None}
    if given.get("plan") == "auto" and "explain" in given:  # `augment` chooses one by the images
        given |= {"plan": None}
    for text in (given.get("plan"), given.get("test_plan")):
        if text is not None:
            Plan(text)
    for text in given.get("arms") or ():
        Arm.parse(text)
    if given.get("objective"):
        OBJECTIVES.parse(given["objective"])
    if given.get("preset") and given["preset"] not in PRESETS:
        raise InputError(f"--preset {given['preset']}: {did_you_mean(given['preset'], PRESETS)}")
    if given.get("learner") and given.get("stage") not in ("augmenter", "joint"):  # where a run stands
        LEARNERS.parse(given["learner"])
    if isinstance(given.get("augmenter"), str):  # a path, at `evaluate`
        AUGMENTERS.parse(given["augmenter"])
    if isinstance(given.get("model"), str):  # a path, at `predict`
        MODELS.parse(given["model"])
    if given.get("encoder"):
        ENCODERS.parse(given["encoder"])
    # `evaluate --encoder` has its data where a run stands otherwise
    data = given["run"] if given.get("run") and given.get("encoder") else given.get("data") or given.get("name")
    for name, split in ((data, given.get("split")), (given.get("test_data"), given.get("test_split"))):
        if name is None or str(name).rstrip("/") in OWN:
            continue
        if str(name) not in DATASETS:
            raise InputError(f"{name}: {did_you_mean(str(name), DATASETS)}")
        if split is not None and split not in DATASETS[str(name)].splits:
            raise InputError(f"{name}: {did_you_mean(split, DATASETS[str(name)].splits)}")


def check_agents(**given: Any) -> None:
    """Looks at the settings of agents."""
    config = RLConfig(**{field.name: given[field.name] for field in fields(RLConfig) if field.name in given})
    for arm in map(RLArm.parse, given.get("arms") or [config.plan]):
        own = arm.configure(config)
        Trainer(own, WorldSplit.of(own))


def check_choices(encoder: str, head: str, plan: str) -> None:
    """Looks at what `fit` is told to choose."""
    for block in encoder_blocks(encoder) if encoder != "auto" else ():
        ENCODERS.parse(block)
    if head != "auto":
        HEADS.parse(head)
    if plan != "auto":
        check_plan(plan)


def parse(arguments: list[str]) -> None:
    """Read a command line by the real parser, and do nothing."""

    def defuse(command: Any) -> None:
        if hasattr(command, "commands"):
            for inner in command.commands.values():
                defuse(inner)
        else:
            command.callback = check_values

    command = typer.main.get_command(app)
    defuse(command)
    status, _, errors = end_of(lambda: command.main(arguments, prog_name="manyshot"))
    assert status == 0, f"manyshot {shlex.join(arguments)}: {errors}"


def execute(shown: Shown, where: str) -> None:
    """Run a command line and compare what it says with what is shown; an error is shown as `Error: ...`."""
    status, out, errors = end_of(lambda: app(shown.arguments, prog_name="manyshot"))
    quieten(False)
    failing = shown.output.startswith("Error: ")
    assert status == (2 if failing else 0), f"{where}: {errors}"
    assert_like_shown(shown.output, errors if failing else out, where)


def assert_like_shown(shown: str, said: str, where: str) -> None:
    if shown.strip():
        assert doctest.OutputChecker().check_output(shown, said, LIKE_SHOWN), f"{where}: shown\n{shown}\nsaid\n{said}"


def end_of(act: Callable[[], Any]) -> tuple[int, str, str]:
    """The exit status of a command, and what it printed on standard output and on standard error."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
        act()
    return ended.value.code or 0, out.getvalue(), errors.getvalue()


def code_of(block: Block) -> str:
    """What a block does: its text, of Python without the comments, which a translation has in its own language."""
    return ast.dump(ast.parse(block.text)) if block.kind == "python" else block.text


def run(block: Block, names: dict[str, Any]) -> None:
    kind, _, mark = block.kind.partition(" ")
    if kind == "python":
        exec(compile("\n" * (block.line - 1) + block.text, block.page, "exec"), names)
    elif kind == "pycon":
        test = doctest.DocTestParser().get_doctest(block.text, names, str(block), block.page, block.line - 1)
        report: list[str] = []
        assert (
            not doctest.DocTestRunner(optionflags=LIKE_SHOWN).run(test, out=report.append, clear_globs=False).failed
        ), "".join(report)
        names.update(test.globs)
    elif kind == "console":
        for shown in commands(block):
            if mark == "run":
                execute(shown, str(block))
            else:
                parse(shown.arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with `photos/`: three classes of eight small pictures."""
    rng = np.random.default_rng(0)
    for label in ("ant", "bee", "cat"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(8):
            coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            coarse.resize((48, 48)).save(tmp_path / "photos" / label / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registries():
    """Removes afterwards what a page registers."""
    tables = (
        NAMED,
        LEARNERS,
        ENCODERS,
        DATASETS,
        OBJECTIVES,
        AUGMENTERS,
        MODELS,
        HEADS,
        SEGMENTERS,
        WORLDS,
        RL_LEARNERS,
    )
    before = [set(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        for name in set(table) - known:
            del table[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_of_a_page_runs_as_shown(page, folder, registries):
    """What a translation shares with its page is run there."""
    page_translated = page.with_name(page.name.replace(".zh.", "."))
    run_there = {code_of(block) for block in blocks(page_translated)} if page_translated != page else set()
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if code_of(block) not in run_there:
            run(block, names)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_script_of_the_examples_runs(script, folder, capsys, monkeypatch):
    for registry in (NAMED, LEARNERS):  # what an example registers is known to it alone
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(prose):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), f"{page.name}: {target}: no such file"
        if anchor:
            assert anchor in anchors(there), f"{page.name}: {target}: no such heading"


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_block_says_what_it_is():
    known = {"python", "pycon", "console", "console run", "text", "json", "sh"}
    for page in PAGES:
        for block in blocks(page):
            assert block.kind in known, f"{block}: '{block.kind}'"


@pytest.mark.parametrize(
    "wrong",
    [
        "manyshot trian digits",
        "manyshot train digits --stpes 3",
        "manyshot augment photos --plan flipp --out made",
        "manyshot train cifar",
        "manyshot train digits --objective metamx",
        "manyshot gan train digits --model dcgn",
        "manyshot compare --preset few_tasks",
        "manyshot compare glyphs --test-data digit --arms none",
        "manyshot evaluate digit --encoder conv4",
        "manyshot fit photos --out model --head rigde",
        'manyshot fit photos --out model --plan "flipp"',
        "manyshot predict model",
        "manyshot train digits --stage augmenter --learner runs/letters --augmenter halucinator",
        "torchrun --nproc-per-node 2 -m manyshot train digit",
    ],
)
def test_a_wrong_command_on_a_page_is_noticed(wrong):
    (shown,) = commands(Block("page", "console", f"$ {wrong}\n", 1))
    with pytest.raises(AssertionError, match="manyshot"):
        parse(shown.arguments)


def test_an_answer_other_than_shown_is_noticed(folder):
    for kind, text in (("pycon", ">>> 1 + 1\n3\n"), ("console run", "$ manyshot --version\n9.9.9\n")):
        with pytest.raises(AssertionError):
            run(Block("page", kind, text, 1), {})
