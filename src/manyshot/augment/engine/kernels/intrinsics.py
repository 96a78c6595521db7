"""How kernels are compiled, and the few machine instructions that numba has no words for."""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.extending import intrinsic

njit: Any = numba.njit
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, and keep the result on disk where a place for it can be written.

    It works in arrays that it is given and makes none: that frees it from counting who uses which array, which costs as
    much as several pixels each time that an array is named.
    """
    return _compiled(function, fastmath=True, _nrt=False)


def part(function: Callable[..., Any]) -> Any:
    """A part of a kernel, written into those that call it."""
    return njit(inline="always", _nrt=False, **OPTIONS, fastmath=True)(function)


def exact_kernel(function: Callable[..., Any]) -> Any:
    """The same for a function whose sums and products must be carried out as they are written."""
    return _compiled(function, fastmath=False)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    try:
        return njit(cache=True, **OPTIONS, **options)(function)
    except RuntimeError:  # numba found no folder that it may write
        return njit(**OPTIONS, **options)(function)


def _bytes_at(context: Any, builder: Any, bits: int, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    place = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [offset])
    return builder.bitcast(place, ir.IntType(bits).as_pointer())


def _load(bits: int, result: Any) -> Any:
    @intrinsic
    def load(typing_context: Any, array: Any, offset: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.load(_bytes_at(context, builder, bits, signature.args[0], *args), align=1)

        return result(array, numba.types.uintp), generate

    return load


load16 = _load(16, numba.types.uint16)
"""`load16(array, offset)`: two bytes of an array from a byte offset on; nothing checks that they are there."""
load32 = _load(32, numba.types.uint32)
"""The same for four bytes."""
load64 = _load(64, numba.types.uint64)
"""The same for eight bytes."""


@intrinsic
def store32(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """`store32(array, offset, value)`: write four bytes; nothing checks that there is room."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _bytes_at(context, builder, 32, signature.args[0], args[0], args[1])
        builder.store(args[2], place, align=1)
        return context.get_dummy_value()

    return numba.types.void(array, numba.types.uintp, numba.types.uint32), generate


def _widening(apart: bool) -> Any:
    @intrinsic
    def widen(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            # llvmlite knows a fixed list of attributes; the set itself takes any.
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
            if apart:
                builder.function.attributes.add("noinline")
            return context.get_dummy_value()

        return numba.types.void(), generate

    return widen


wide = _widening(apart=True)
"""`wide()`: let the function's loops use vectors of 512 bits where the processor has them, and keep it to itself.

LLVM prefers 256 bits on server processors, for the sake of code around the loops; these loops are all there is, and run
twice as fast. Written into its callers, a loop would be compiled by their rules, and once for each of them.
"""
wide_within = _widening(apart=False)
"""The same for loops so short that a call costs more than they do."""
