"""A few seconds of the campaign; `make soak` runs it for longer."""

import json
import os
import subprocess
import sys
from pathlib import Path

CAMPAIGN = Path(__file__).with_name("campaign.py")


def test_bad_inputs_and_races_end_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", str(CAMPAIGN), "--minutes", "0.15", "--seed", "7"]
    more = ["--json", str(tmp_path / "found.json"), "--parts", "inputs", "races"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *more], env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["tried"]["inputs"] >= 20
    assert found["tried"]["races"] >= 1
    assert found["struck"]["inputs"] > 5, "mutations that are never noticed try nothing"
