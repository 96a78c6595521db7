import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from manyshot.base import quieten
from manyshot.cli.main import app


@dataclass(frozen=True)
class Answer:
    """What a command line came to."""

    status: int
    out: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def manyshot() -> Iterator[Callable[..., Answer]]:
    """Runs a command line inside of this process."""

    def run(*arguments: object) -> Answer:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    yield run
    quieten(False)
