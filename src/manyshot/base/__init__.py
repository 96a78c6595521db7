"""The ground floor: errors, files, progress and randomness. Knows nothing of tasks."""

from manyshot.base.errors import InputError, TrainingDiverged, WorkStopped
from manyshot.base.files import check_out, read_json, sweep, write_aside, write_json
from manyshot.base.numbers import is_whole, plain_number, plain_numbers
from manyshot.base.progress import note, quieten, track
from manyshot.base.suggest import did_you_mean
from manyshot.base.torchrun import are_several

__all__ = [
    "InputError",
    "TrainingDiverged",
    "WorkStopped",
    "are_several",
    "check_out",
    "did_you_mean",
    "is_whole",
    "note",
    "plain_number",
    "plain_numbers",
    "quieten",
    "read_json",
    "sweep",
    "track",
    "write_aside",
    "write_json",
]
