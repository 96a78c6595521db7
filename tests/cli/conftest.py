import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from manyshot.base import quieten
from manyshot.cli.main import app
from small_classifiers import PARCEL, TEA

TINY = ("--encoder", "conv4(4, 4, 4, 4)", "--steps", 3, "--meta-batch-size", 1, "--quiet")


@dataclass(frozen=True)
class Answer:
    """What a command line came to."""

    status: int
    out: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def invoke(*arguments: object) -> Answer:
    """Run a command line inside of this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    quieten(False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def manyshot() -> Callable[..., Answer]:
    """The command line."""
    return invoke


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps on digits, with test classes set aside: copy it before it is changed."""
    out = tmp_path_factory.mktemp("trained") / "run"
    held_out = ("--validation", 0.2, "--test", 0.2)
    answer = invoke("train", "digits", *held_out, "--out", out, *TINY)
    assert answer.status == 0, answer.errors
    return out


@pytest.fixture(scope="session")
def questions_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of eight questions of two classes."""
    lines = ["text,label", *(f"{text},parcel" for text in PARCEL), *(f"{text},tea" for text in TEA)]
    path = tmp_path_factory.mktemp("questions") / "faq.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def fitted(questions_table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A model that was fitted to the questions, and what `fit --json` printed: copy it before it is changed."""
    out = tmp_path_factory.mktemp("fitted") / "model"
    answer = invoke("fit", questions_table, "--out", out, "--encoder", "ngrams", "--head", "ridge", "--json")
    assert answer.status == 0, answer.errors
    return out, answer.json


@pytest.fixture
def one_shot_zip(tmp_path: Path) -> Path:
    """Two one-shot runs of three drawings each, in the layout of Omniglot's."""
    rng = np.random.default_rng(0)
    path = tmp_path / "runs.zip"
    with ZipFile(path, "w") as file:
        for run in ("run01", "run02"):
            lines = []
            for i in range(1, 4):
                for name in (f"{run}/training/class{i:02d}.png", f"{run}/test/item{i:02d}.png"):
                    drawing = BytesIO()
                    Image.fromarray(rng.integers(0, 2, (105, 105), dtype=np.uint8) * 255).save(drawing, "PNG")
                    file.writestr(name, drawing.getvalue())
                lines.append(f"{run}/test/item{i:02d}.png {run}/training/class{i:02d}.png")
            file.writestr(f"{run}/class_labels.txt", "\n".join(lines))
    return path
