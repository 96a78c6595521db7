"""The ground floor: errors, files, progress and randomness. Knows nothing of tasks."""

from manyshot.base.errors import InputError, WorkStopped
from manyshot.base.files import read_json, sweep, write_aside, write_json
from manyshot.base.progress import quieten, track
from manyshot.base.suggest import did_you_mean

__all__ = [
    "InputError",
    "WorkStopped",
    "did_you_mean",
    "quieten",
    "read_json",
    "sweep",
    "track",
    "write_aside",
    "write_json",
]
