"""The one decorator for kernels: nopython, sequential, cached per source state.

Numba's cache does not notice when a kernel in *another* file changes, so the cache
directory is named after everything we compile.  With NUMBA_DISABLE_JIT=1 kernels
run as plain Python, one process at a time: for coverage and debugging only.
"""

# ruff: noqa: ARG001 - numba looks at the names of arguments that an intrinsic's author does not use

import ctypes
import math
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

import numba as _numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic as _intrinsic

from shm.build import fingerprint

__all__ = [
    "address_of", "call5", "compiled", "fingerprint", "fused", "inlined", "kernel", "processor", "record_at", "shaped",
    "specialised",
]  # fmt: skip

# What it makes is typed by numba where it is used.
numba: Any = _numba
intrinsic: Any = _intrinsic

PLAIN = bool(numba.config.DISABLE_JIT)

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_home() -> Path:
    """Where compiled kernels are kept, whatever their build."""
    chosen = os.environ.get("RINGMASTER_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringmaster"


def processor() -> str:
    """What kernels are compiled for: numba keeps those of each kind of processor apart."""
    return repr(cpu_target.target_context.codegen().magic_tuple())


numba.config.CACHE_DIR = str(cache_home() / fingerprint())

_FLAGS = {"cache": True, "nogil": True, "error_model": "numpy"}


def kernel(function: Function) -> Function:
    """Compile ``function`` in nopython mode when it is first called; cached on disk."""
    return numba.njit(**_FLAGS)(function)


def inlined(function: Function) -> Function:
    """A kernel whose body is copied into every kernel that calls it."""
    return numba.njit(forceinline=True, **_FLAGS)(function)


def specialised(template: Callable[..., Any], name: str, decorate: Any = kernel, **bound: Any) -> Any:
    """A kernel with the body of ``template`` and ``bound`` in place of its globals of these names; cached as ``name``.

    A kernel that is passed as an argument or closed over is compiled in every process; this one is loaded.
    """
    code = template.__code__.replace(co_name=name, co_qualname=name)
    function = FunctionType(code, {**template.__globals__, **bound}, name)
    function.__module__ = template.__module__
    return decorate(function)


def shaped(records: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return ``records`` as kernels take them: run as plain Python they need fields to be attributes."""
    return records.view(np.recarray) if PLAIN else records


def address_of(array: np.ndarray[Any, Any]) -> int:
    """Address of the first byte of ``array``, which the caller keeps alive."""
    assert array.flags.c_contiguous, "only a contiguous array has one address"
    return int(array.ctypes.data)


@intrinsic
def record_at(typingctx, address, dtype):
    """View the record of ``dtype`` that lives at ``address``; no copy."""
    record = dtype.dtype

    def codegen(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(record))

    return record(types.intp, dtype), codegen


@intrinsic
def fused(typingctx, a, b, c):
    """``a`` * ``b`` + ``c``, rounded once: the same on every processor, and a shorter chain than two operations."""

    def codegen(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(*[types.float64] * 3), codegen


@intrinsic
def call5(typingctx, address, a, b, c, d, e):
    """Call the compiled function at ``address`` with five addresses; its int64 answer."""
    pointer, word = ir.IntType(8).as_pointer(), ir.IntType(64)

    def codegen(context, builder, signature, arguments):
        function = builder.inttoptr(arguments[0], ir.FunctionType(word, [pointer] * 5).as_pointer())
        return builder.call(function, [builder.inttoptr(argument, pointer) for argument in arguments[1:]])

    return types.int64(*[types.intp] * 6), codegen


def compiled(function: Callable[..., Any], *arguments: np.dtype[Any] | type[int]) -> int:
    """Address of the C form of kernel ``function``, compiled for ``arguments``.

    A dtype stands for a record, passed by its address; ``int`` for an int64.  The
    answer of ``function`` must be an int64.
    """
    if PLAIN:
        _PLAIN_FUNCTIONS[id(function)] = (function, arguments)
        return id(function)
    taken = tuple(types.int64 if argument is int else numba.from_dtype(argument) for argument in arguments)
    function.compile(taken)  # type: ignore[attr-defined]
    result = function.overloads[taken]  # type: ignore[attr-defined]
    answer = types.unliteral(result.signature.return_type)  # one that only ever returns 0 says Literal[int](0)
    if answer != types.int64:
        raise TypeError(f"{function.__name__} must answer int64, not {answer}")
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name))


_PLAIN_FUNCTIONS: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}


def _plain_record_at(address, dtype):
    memory = (ctypes.c_char * dtype.itemsize).from_address(int(address))
    return np.frombuffer(memory, dtype).view(np.recarray)[0]


def _plain_call5(address, *addresses):
    function, arguments = _PLAIN_FUNCTIONS[address]
    return function(
        *[
            at if argument is int else _plain_record_at(at, argument)
            for at, argument in zip(addresses, arguments, strict=True)
        ]
    )


def _plain_fused(a, b, c):
    if not math.isfinite(a * b + c):
        return a * b + c
    return float(Fraction(a) * Fraction(b) + Fraction(c))


if PLAIN:
    fused = _plain_fused
    record_at, call5 = _plain_record_at, _plain_call5
