"""The GPU benchmark runs on a CPU, small, and refuses a GPU that is not there."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the script in this process, which has loaded torch and the kernels."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_every_row_is_timed_and_agrees_with_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(monkeypatch, "--device", "cpu", "--quick", "--json", str(tmp_path / "gpu.json"))
    figures = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert {row["size"] for row in figures["augmentation"]} == {"32x32x3", "84x84x3"}
    assert all(row["largest_difference_from_cpu"] == 0 for row in figures["augmentation"])
    assert all(row["relative_difference_of_gradients_from_cpu"] < 1e-12 for row in figures["training"])
    assert all(row["milliseconds"]["manyshot"] > 0 for row in figures["augmentation"] + figures["training"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch)
    assert ended.value.code == 2
    assert "--device cpu --quick" in capsys.readouterr().err.splitlines()[-1]
