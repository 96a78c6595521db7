"""Scripts of tests in processes of their own, and the children that they fork."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path


def run_script(script: Path, *words: str) -> None:
    """Run a Python file in a process of its own, on one thread, with the helpers of the tests in reach."""
    path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, path))},
    )
    assert done.returncode == 0, done.stderr[-3000:]


def fork(work: Callable[[], None], statuses: dict[type[BaseException], int]) -> int:
    """Do the work in a forked child; returns its id. It exits with the status of what it raised, 1 if that has none."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException as error:
        status = next((status for kind, status in statuses.items() if isinstance(error, kind)), 1)
        if status == 1:
            traceback.print_exc()
    finally:
        os._exit(status)
