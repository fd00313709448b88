"""Memory ordering, and what the kernel of the system is asked for: the only file on either.

Every function takes integer addresses of aligned 8-byte words and can be called from
kernels only.  ``relaxed`` is LLVM's monotonic: the word is whole, nothing is ordered.

    writer                          reader
    store_relaxed  sequence, odd    load_acquire   sequence
    fence_release                   load_relaxed   payload ...
    store_relaxed  payload ...      fence_acquire
    store_release  sequence, even   load_relaxed   sequence, still the same?
"""

# ruff: noqa: ARG001 - numba looks at the names of arguments that an intrinsic's author does not use

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from shm.jit import PLAIN, inlined, intrinsic

RECORD_WORDS = 15

_WORD = ir.IntType(64)
_ARM = platform.machine() in ("aarch64", "arm64")

SYS_FUTEX = 98 if _ARM else 202
SYS_MEMBARRIER = 283 if _ARM else 324
_FUTEX_WAIT, _FUTEX_WAKE = 0, 1  # without FUTEX_PRIVATE: the word is shared by processes
_GLOBAL_EXPEDITED, _REGISTER_GLOBAL_EXPEDITED = 2, 4
_CLOCK_MONOTONIC = 1


def _pointer(builder, address):
    return builder.inttoptr(address, _WORD.as_pointer())


def _loading(order):
    @intrinsic
    def load(typingctx, address):
        def codegen(context, builder, signature, arguments):
            return builder.load_atomic(_pointer(builder, arguments[0]), order, 8)

        return types.int64(types.int64), codegen

    return load


def _storing(order):
    @intrinsic
    def store(typingctx, address, value):
        def codegen(context, builder, signature, arguments):
            builder.store_atomic(arguments[1], _pointer(builder, arguments[0]), order, 8)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    return store


def _fencing(order, scope=None):
    @intrinsic
    def fence(typingctx):
        def codegen(context, builder, signature, arguments):
            builder.fence(order, scope)
            return context.get_dummy_value()

        return types.void(), codegen

    return fence


def _changing(operation):
    @intrinsic
    def change(typingctx, address, value):
        def codegen(context, builder, signature, arguments):
            return builder.atomic_rmw(operation, _pointer(builder, arguments[0]), arguments[1], "acq_rel")

        return types.int64(types.int64, types.int64), codegen

    return change


load_acquire = _loading("acquire")
load_relaxed = _loading("monotonic")
store_release = _storing("release")
store_relaxed = _storing("monotonic")
fence_acquire = _fencing("acquire")
fence_release = _fencing("release")
fence_compiler = _fencing("seq_cst", "singlethread")  # orders the compiler, costs no instruction
fetch_add = _changing("add")  # these four answer the value before
fetch_or = _changing("or")
fetch_and = _changing("and")
exchange = _changing("xchg")


@intrinsic
def compare_swap(typingctx, address, expected, value):
    """Put ``value`` where ``expected`` is; False when something else is there."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer(builder, arguments[0])
        found = builder.cmpxchg(pointer, arguments[1], arguments[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@intrinsic
def copy_record(typingctx, target, source):
    """Copy a record of RECORD_WORDS words, each relaxed, unrolled."""

    def codegen(context, builder, signature, arguments):
        target, source = arguments
        # By fives: fifteen words at once do not fit the registers.
        for first in range(0, RECORD_WORDS, 5):
            places = [_WORD(8 * word) for word in range(first, first + 5)]
            values = [builder.load_atomic(_pointer(builder, builder.add(source, at)), "monotonic", 8) for at in places]
            for at, value in zip(places, values, strict=True):
                builder.store_atomic(value, _pointer(builder, builder.add(target, at)), "monotonic", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def seldom(typingctx, condition):
    """``condition``, and word to the compiler that the other way is the one to be quick."""
    bit = ir.IntType(1)

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(bit, [bit, bit])
        expect = cgutils.get_or_insert_function(builder.module, kind, "llvm.expect.i1")
        return builder.call(expect, [arguments[0], bit(0)])

    return types.boolean(types.boolean), codegen


@intrinsic
def pause(typingctx):
    """Tell the processor that this is a spin loop."""

    def codegen(context, builder, signature, arguments):
        # Intrinsics, not assembly: numba leaves LLVM's assembly parser uninitialised.
        name, operands = ("llvm.aarch64.hint", [ir.IntType(32)(1)]) if _ARM else ("llvm.x86.sse2.pause", [])
        kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _two_words(typingctx):
    """Address of 16 bytes on the stack: a struct timespec."""

    def codegen(context, builder, signature, arguments):
        return builder.ptrtoint(cgutils.alloca_once(builder, ir.ArrayType(_WORD, 2)), _WORD)

    return types.int64(), codegen


# Symbols of libc are resolved by the linker of the JIT, so kernels that call them are cached.
# syscall() is variadic in C; integers travel in the same registers on x86-64 and aarch64 Linux.
_syscall: Any = types.ExternalFunction("syscall", types.int64(*[types.int64] * 7))
_clock_gettime: Any = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.int64))
_write: Any = types.ExternalFunction("write", types.int64(types.int32, types.int64, types.int64))


@inlined
def monotonic_ns() -> int:
    """CLOCK_MONOTONIC, the same for every process of the machine."""
    time = _two_words()
    _clock_gettime(_CLOCK_MONOTONIC, time)
    return load_relaxed(time) * 1_000_000_000 + load_relaxed(time + 8)


@inlined
def futex_wait(address: int, expected: int, timeout_ns: int) -> int:
    """Sleep while the low half of the word is ``expected``; 0 when woken, -1 otherwise."""
    time = _two_words()
    store_relaxed(time, timeout_ns // 1_000_000_000)
    store_relaxed(time + 8, timeout_ns % 1_000_000_000)
    return _syscall(SYS_FUTEX, address, _FUTEX_WAIT, expected, time, 0, 0)


@inlined
def futex_wake(address: int, sleepers: int) -> int:
    """Wake up to ``sleepers``; how many were woken."""
    return _syscall(SYS_FUTEX, address, _FUTEX_WAKE, sleepers, 0, 0, 0)


@inlined
def membarrier() -> bool:
    """A full fence in every registered process that runs; False where the system has none."""
    return _syscall(SYS_MEMBARRIER, _GLOBAL_EXPEDITED, 0, 0, 0, 0, 0) == 0


@inlined
def membarrier_register() -> bool:
    """Let ``membarrier`` of others reach this process; False where the system has none."""
    return _syscall(SYS_MEMBARRIER, _REGISTER_GLOBAL_EXPEDITED, 0, 0, 0, 0, 0) == 0


@inlined
def eventfd_signal(descriptor: int) -> bool:
    """Add one to an eventfd; False when that failed."""
    one = _two_words()
    store_relaxed(one, 1)
    return _write(descriptor, one, 8) == 8


if PLAIN:
    from shm.plain import *  # noqa: F403  # type: ignore[assignment]
