"""Compiled functions: what is cached, and when it is compiled again."""

import subprocess
import sys

CALLER = "from helper import twice\nfrom manyshot.runtime.jit import kernel\n@kernel\ndef f(x):\n    return twice(x)\n"
HELPER = "import numba\n@numba.njit\ndef {name}(x):\n    return {factor} * x\n"


def called(folder) -> str:
    """What f(3) is in a new process."""
    command = [sys.executable, "-c", "from caller import f; print(f(3), sum(f.stats.cache_hits.values()))"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_a_function_is_compiled_again_when_one_that_it_calls_changes(tmp_path):
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "helper.py").write_text(HELPER.format(name="twice", factor=2))
    assert called(tmp_path) == "6 0"
    assert called(tmp_path) == "6 1"
    (tmp_path / "helper.py").write_text(HELPER.format(name="twice", factor=5))
    assert called(tmp_path) == "15 0"
    assert called(tmp_path) == "15 1"
