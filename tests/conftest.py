"""What all tests share: shapes are checked at run time, real data is found, caches are private."""

import gc
import os
from collections.abc import Callable, Generator
from functools import lru_cache, partial
from importlib import import_module
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from types import FunctionType
from typing import Any, get_args, get_origin

import beartype
import jaxtyping
import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

# Every annotated function of the package checks the shapes of its arguments and results while the tests run.
# An int where a float is asked is fine, as in the language (PEP 484): `Affine(15)`.
beartype.beartype = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))
install_import_hook("manyshot", "beartype.beartype")


def names_shape(hint: Any) -> bool:
    """Whether an annotation has a shape in it, or is text, which may have one."""
    if isinstance(hint, str) or any(map(names_shape, get_args(hint))):
        return True
    return get_origin(hint) is None and isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray)


def check_types(checked: Any = None, *, typechecker: Callable[[Any], Any]) -> Any:
    """Stands in for jaxtyping, twenty times as slow as beartype, where a function has no shapes to compare."""
    if checked is None:
        return partial(check_types, typechecker=typechecker)
    if isinstance(checked, FunctionType) and not any(map(names_shape, checked.__annotations__.values())):
        return typechecker(checked)
    return by_jaxtyping(checked, typechecker=typechecker)


by_jaxtyping, jaxtyping.jaxtyped = jaxtyping.jaxtyped, check_types

# The same examples everywhere and each time; `make test EXPLORE=7` looks at others.
same = "EXPLORE" not in os.environ
settings.register_profile("manyshot", deadline=None, max_examples=50, print_blob=True, derandomize=same)
settings.load_profile("manyshot")

beside = Path(__file__).resolve().parents[2] / "shared" / "data"
if "MANYSHOT_DATA" not in os.environ and beside.is_dir():
    os.environ["MANYSHOT_DATA"] = str(beside)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay to the end: the garbage collector need not go through these millions of objects again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["MANYSHOT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def _digits_once() -> None:
    """The scans that hundreds of tests load are enlarged once."""
    data_set = import_module("manyshot.datasets").DATASETS["digits"]
    object.__setattr__(data_set, "build", lru_cache(8)(data_set.build))


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of a comparison are forked from a process that has loaded torch once, instead of loading it each."""
    if "forkserver" in get_all_start_methods():
        server = get_context("forkserver")
        server.set_forkserver_preload(
            ["manyshot.compare.arm_training", "torch._dynamo", "tensorboard.summary.writer.record_writer"]
        )
        monkeypatch.setattr(import_module("manyshot.compare.arm_training"), "get_context", lambda method: server)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, or a skip."""
    if "MANYSHOT_DATA" not in os.environ:
        pytest.skip("needs real data: set MANYSHOT_DATA to a folder with omniglot/, mnist/, ...")
    return Path(os.environ["MANYSHOT_DATA"])
