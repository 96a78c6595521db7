"""The GPU benchmark runs on a CPU, small, and refuses a GPU that is not there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_every_row_is_timed_and_agrees_with_the_cpu(tmp_path: Path) -> None:
    result = run("--device", "cpu", "--quick", "--json", str(tmp_path / "gpu.json"))
    assert result.returncode == 0, result.stderr
    figures = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert {row["size"] for row in figures["augmentation"]} == {"32x32x3", "84x84x3"}
    assert all(row["largest_difference_from_cpu"] == 0 for row in figures["augmentation"])
    assert all(row["relative_difference_of_gradients_from_cpu"] < 1e-12 for row in figures["training"])
    assert all(row["milliseconds"]["manyshot"] > 0 for row in figures["augmentation"] + figures["training"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_what_to_do() -> None:
    result = run()
    assert result.returncode == 2
    assert "--device cpu --quick" in result.stderr.splitlines()[-1]
