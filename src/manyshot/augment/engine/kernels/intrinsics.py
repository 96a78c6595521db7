"""Compilation of kernels, and machine instructions that numba does not offer."""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.extending import intrinsic

from manyshot.runtime.jit import compile_and_cache

njit: Any = numba.njit
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, and cache the result on disk if possible.

    Kernels work in given arrays and allocate none, which avoids reference counting: it would cost as much as several
    pixels per array access.
    """
    return compile_and_cache(function, **OPTIONS, fastmath=True, _nrt=False)


def part(function: Callable[..., Any]) -> Any:
    """Compile a function that is inlined into its callers."""
    return njit(inline="always", _nrt=False, **OPTIONS, fastmath=True)(function)


def exact_kernel(function: Callable[..., Any]) -> Any:
    """Compile like `kernel`, but without reordering floating-point operations."""
    return compile_and_cache(function, **OPTIONS, fastmath=False)


def _bytes_at(context: Any, builder: Any, bits: int, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    pointer = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [offset])
    return builder.bitcast(pointer, ir.IntType(bits).as_pointer())


def _load(bits: int, result: Any) -> Any:
    @intrinsic
    def load(typing_context: Any, array: Any, offset: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.load(_bytes_at(context, builder, bits, signature.args[0], *args), align=1)

        return result(array, numba.types.uintp), generate

    return load


load16 = _load(16, numba.types.uint16)
"""`load16(array, offset)`: load two bytes of an array at a byte offset, without a bounds check."""
load32 = _load(32, numba.types.uint32)
"""Load four bytes, like `load16`."""
load64 = _load(64, numba.types.uint64)
"""Load eight bytes, like `load16`."""


@intrinsic
def store32(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """`store32(array, offset, value)`: store four bytes, without a bounds check."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _bytes_at(context, builder, 32, signature.args[0], args[0], args[1])
        builder.store(args[2], pointer, align=1)
        return context.get_dummy_value()

    return numba.types.void(array, numba.types.uintp, numba.types.uint32), generate


def _widening(apart: bool) -> Any:
    @intrinsic
    def widen(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            # llvmlite accepts a fixed list of attributes; the underlying set accepts any.
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
            if apart:
                builder.function.attributes.add("noinline")
            return context.get_dummy_value()

        return numba.types.void(), generate

    return widen


wide = _widening(apart=True)
"""`wide()`: let the function's loops use 512-bit vectors where available, and do not inline the function.

LLVM prefers 256 bits on server processors for the code around loops; here loops dominate and run twice as fast. An
inlined loop would be compiled by the rules of its callers, and once for each of them.
"""
wide_within = _widening(apart=False)
"""Like `wide` but inlined, for loops so short that a call would cost more."""
