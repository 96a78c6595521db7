"""Read a pickle of plain values and uint8 arrays without executing anything in it."""

import io
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import UInt8

from manyshot.base import InputError

# Instructions of data files by Python 2 and 3: containers, numbers, text, and the calls of `KNOWN`.
# fmt: off
OPCODES = frozenset((
    "PROTO", "STOP", "FRAME", "MARK", "POP", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
    "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS",
    "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET",
))
# fmt: on
Step = Callable[[Any], None]
PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


class _Dtype:
    """Replaces a numpy dtype: stores only its name."""

    __slots__ = ("kind",)

    def __init__(self, kind: object = None, *_: object) -> None:
        self.kind = kind.decode("latin-1") if isinstance(kind, bytes) else kind

    def __setstate__(self, _: object) -> None:
        """Ignore the rest of a dtype (byte order, fields), which has no meaning for uint8."""


class _Array:
    """Replaces a numpy array: stores only its state."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def bytes_array(self) -> UInt8[np.ndarray, "..."]:
        match self.state:
            case (
                int(),
                tuple() as shape,
                _Dtype(kind="u1" | "uint8"),
                bool() | int() as columns_first,
                bytes() as data,
            ):
                if all(isinstance(n, int) and n >= 0 for n in shape) and len(data) == int(np.prod(shape, dtype=object)):
                    return np.frombuffer(data, dtype=np.uint8).reshape(shape, order="F" if columns_first else "C")
        raise pickle.UnpicklingError("an array that is not of uint8, or not of the size that it states")


def _reconstruct(*_: object) -> _Array:
    return _Array()


class _Encode:
    """Turn text back into the bytes of Python 2, in total at most as many as the file has."""

    __slots__ = ("left",)

    def __init__(self, limit: int) -> None:
        self.left = limit

    def __call__(self, text: object, encoding: object = "latin1") -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
            raise pickle.UnpicklingError("text in another encoding than Latin-1")
        self.left -= len(text)
        if self.left < 0:
            raise pickle.UnpicklingError("more text than its own length")
        return text.encode("latin-1")


KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Unpickler(pickle._Unpickler):
    """The pure-Python unpickler, with checks before instructions that could do harm.

    If containers were used twice, their size could double with every level when they are printed, hashed or copied, so
    a file may reuse only text, bytes and the replacements above. Keys are hashed, and nested tuples would overflow the
    stack. BUILD sets attributes of any object.
    """

    stack: list[Any]

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="bytes")
        self.encode = _Encode(len(data))

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) == ("_codecs", "encode"):
            return self.encode
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return KNOWN[module, name]

    def used_again(self) -> None:
        if isinstance(self.stack[-1], list | tuple | dict):
            raise pickle.UnpicklingError("it uses a container twice")

    def key(self) -> None:
        _check_keys(self.stack[-2:-1])

    def keys(self) -> None:
        _check_keys(self.stack[::2])

    def target(self) -> None:
        if not isinstance(self.stack[-2], _Dtype | _Array):
            raise pickle.UnpicklingError("it sets attributes of something else than an array")


def _check_keys(keys: list[object]) -> None:
    if not all(isinstance(key, str | bytes) for key in keys):
        raise pickle.UnpicklingError("a dictionary with a key that is not text")


def _both(first: Step, second: Step) -> Step:
    def run(unpickler: _Unpickler) -> None:
        first(unpickler)
        second(unpickler)

    return run


_STEPS: dict[int, Step] = pickle._Unpickler.dispatch
_Unpickler.dispatch = _STEPS | {
    **{
        code: _both(_STEPS[code], _Unpickler.used_again)
        for code in b"".join((pickle.GET, pickle.BINGET, pickle.LONG_BINGET))
    },
    **{code: _both(_Unpickler.keys, _STEPS[code]) for code in b"".join((pickle.DICT, pickle.SETITEMS))},
    pickle.SETITEM[0]: _both(_Unpickler.key, _STEPS[pickle.SETITEM[0]]),
    pickle.BUILD[0]: _both(_Unpickler.target, _STEPS[pickle.BUILD[0]]),
}


def read_array_pickle(data: bytes, where: str) -> dict[str, Any]:
    """Read a dictionary of plain values and uint8 arrays, as CIFAR's files hold.

    Names in a pickle are never imported but replaced by inert objects, and only instructions that create plain values
    are allowed. So a malicious file can neither execute code nor take much more memory than its own length.

    Args:
        data: The pickle, written by Python 2 or 3.
        where: Name of the file in error messages.

    Returns:
        The dictionary with keys as text; text values are bytes if Python 2 wrote them.

    Raises:
        InputError: If it is anything else.

    Example:
        >>> import pickle
        >>> read_array_pickle(pickle.dumps({"labels": [1, 2]}, protocol=2), "train")
        {'labels': [1, 2]}
    """
    try:
        for operation, argument, _ in pickletools.genops(data):
            if operation.name not in OPCODES:
                raise pickle.UnpicklingError(f"it holds the instruction {operation.name}")
            # The unpickler would allocate memory for a large index.
            if operation.name in PUTS and isinstance(argument, int) and argument > len(data):
                raise pickle.UnpicklingError("a memo number beyond its own length")
        content = _Unpickler(data).load()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError("no dictionary")
        return {
            key.decode("latin-1") if isinstance(key, bytes) else key: (
                value.bytes_array() if isinstance(value, _Array) else value
            )
            for key, value in content.items()
        }
    except Exception as error:  # a broken pickle raises almost anything
        raise InputError(f"{where}: refused as a data file ({error}); fetch it again") from None
