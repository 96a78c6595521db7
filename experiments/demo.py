"""The demo's figures: printed Greek letters to handwritten digits. Writes results/demo.json.

python experiments/demo.py
"""

import tempfile

from run_and_record import answer, write


def main() -> None:
    """Run the demo and note what it found."""
    with tempfile.TemporaryDirectory() as folder:
        result = answer(f"manyshot demo --out {folder}/demo")
    result.pop("report")
    write("demo", {"command": "manyshot demo --json", "seed": 0, **result})


if __name__ == "__main__":
    main()
