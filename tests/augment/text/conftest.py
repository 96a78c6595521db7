from pathlib import Path

import pytest

from manyshot.augment.op import Op
from manyshot.augment.text import OPS


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the ops that read files are given, by the name of their option."""
    folder: Path = tmp_path_factory.mktemp("lists")
    (folder / "templates.txt").write_text("Please: {text}\n\nI ask you, {text} Thanks!\n", encoding="utf-8")
    (folder / "names.txt").write_text("Rome\nNew York\nParis\n\ntea\ncoffee\n\n北京\n上海\n", encoding="utf-8-sig")
    return {"template": str(folder / "templates.txt"), "entities": str(folder / "names.txt")}


@pytest.fixture(scope="session")
def ops(files: dict[str, str]) -> dict[str, Op]:
    """Every op of the table."""
    return {name: kind(files[name]) if name in files else kind() for name, kind in OPS.items()}
