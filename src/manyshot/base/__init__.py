"""The ground floor: errors, files, progress and randomness. Knows nothing of tasks."""

from manyshot.base.atomic_files import check_out, check_replaceable, path_in_errors, sweep, write_aside, write_json
from manyshot.base.check_numbers import is_whole, plain_number, plain_numbers
from manyshot.base.check_type import check_type, has_type
from manyshot.base.errors import InputError, TrainingDiverged, WorkStopped
from manyshot.base.lock import locked_folder
from manyshot.base.printable import printable
from manyshot.base.progress import listen, note, quieten, track
from manyshot.base.read_files import open_file, parse_json, read_bytes, read_json, read_line
from manyshot.base.suggest import did_you_mean, name_list, short
from manyshot.base.torchrun import are_several

__all__ = [
    "InputError",
    "TrainingDiverged",
    "WorkStopped",
    "are_several",
    "check_out",
    "check_replaceable",
    "check_type",
    "did_you_mean",
    "has_type",
    "is_whole",
    "listen",
    "locked_folder",
    "name_list",
    "note",
    "open_file",
    "parse_json",
    "path_in_errors",
    "plain_number",
    "plain_numbers",
    "printable",
    "quieten",
    "read_bytes",
    "read_json",
    "read_line",
    "short",
    "sweep",
    "track",
    "write_aside",
    "write_json",
]
