"""Four numbers in one register: chains that need nothing of one another, or four rows of a column.

    one    a1 b1 c1 d1                        a  a1 a2 a3 a4
    two    a2 b2 c2 d2      turned(...)  -->  b  b1 b2 b3 b4      four steps of four chains: each column is
    three  a3 b3 c3 d3                        c  c1 c2 c3 c4      stored once instead of four times
    four   a4 b4 c4 d4                        d  d1 d2 d3 d4

``+ - * /``, ``abs``, ``root``, ``>``, ``==`` and ``chosen`` work on each lane as they do on a number, to the last bit.
"""

# ruff: noqa: ARG001 - numba looks at the names of arguments that an author does not use

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from shm.jit import PLAIN, fused, inlined, intrinsic

LANES = 4
_WORD = ir.IntType(32)
_REGISTER = ir.VectorType(ir.DoubleType(), LANES)
_BITS = ir.VectorType(ir.IntType(1), LANES)


class Lanes(types.Type):
    """The type of four float64 in a register."""

    def __init__(self):
        super().__init__(name="Lanes")


class Choice(types.Type):
    """The type of what four comparisons give."""

    def __init__(self):
        super().__init__(name="Choice")


lanes, choice = Lanes(), Choice()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _REGISTER)


@register_model(Choice)
class _ChoiceModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _BITS)


def _in_each(builder, value):
    # a number is the same in each lane
    if value.type == _REGISTER:
        return value
    alone = builder.insert_element(ir.Constant(_REGISTER, ir.Undefined), value, _WORD(0))
    zeros = ir.Constant(ir.VectorType(_WORD, LANES), [0] * LANES)
    return builder.shuffle_vector(alone, ir.Constant(_REGISTER, ir.Undefined), zeros)


def _picked(builder, pair, places):
    return builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(_WORD, LANES), list(places)))


_PAIRS = [(lanes, lanes), (lanes, types.float64), (types.float64, lanes)]


def _register(function, answer, instruction):
    template = type(f"_{function.__name__}", (ConcreteTemplate,), {"cases": [signature(answer, *p) for p in _PAIRS]})
    infer_global(function)(template)

    def codegen(context, builder, signature, arguments):
        return instruction(builder, *[_in_each(builder, each) for each in arguments])

    for pair in _PAIRS:
        lower_builtin(function, *pair)(codegen)


for _function, _name in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _register(_function, lanes, getattr(ir.IRBuilder, _name))
_register(operator.truediv, lanes, ir.IRBuilder.fdiv)
_register(operator.gt, choice, lambda builder, one, two: builder.fcmp_ordered(">", one, two))
_register(operator.eq, choice, lambda builder, one, two: builder.fcmp_ordered("==", one, two))


@infer_global(abs)
class _Abs(ConcreteTemplate):
    cases = [signature(lanes, lanes)]


@lower_builtin(abs, Lanes)
def _abs(context, builder, signature, arguments):
    kind = ir.FunctionType(_REGISTER, [_REGISTER])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fabs.v4f64"), arguments)


@intrinsic
def chosen(typingctx, condition, one, other):
    """``one`` where ``condition`` holds, else ``other``: both are there."""
    answer = lanes if condition == choice else types.float64

    def codegen(context, builder, signature, arguments):
        if answer == types.float64:
            return builder.select(*arguments)
        return builder.select(arguments[0], *[_in_each(builder, each) for each in arguments[1:]])

    return answer(condition, one, other), codegen


@intrinsic
def root(typingctx, x):
    """Square root of a number, or of each lane."""

    def codegen(context, builder, signature, arguments):
        kind = arguments[0].type
        name = "llvm.sqrt.v4f64" if kind == _REGISTER else "llvm.sqrt.f64"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        return builder.call(function, arguments)

    return x(x), codegen


@intrinsic
def lanes_of(typingctx, a, b, c, d):
    """Four numbers side by side."""

    def codegen(context, builder, signature, arguments):
        value = ir.Constant(_REGISTER, ir.Undefined)
        for n, each in enumerate(arguments):
            value = builder.insert_element(value, each, _WORD(n))
        return value

    return lanes(*[types.float64] * LANES), codegen


@intrinsic
def numbers_of(typingctx, value):
    """The four numbers of ``value``."""
    answer = types.UniTuple(types.float64, LANES)

    def codegen(context, builder, signature, arguments):
        parts = [builder.extract_element(arguments[0], _WORD(n)) for n in range(LANES)]
        return context.make_tuple(builder, answer, parts)

    return answer(lanes), codegen


@intrinsic
def three_and_one(typingctx, three, one):
    """One number in the first three lanes, another in the last."""

    def codegen(context, builder, signature, arguments):
        return _picked(builder, [_in_each(builder, each) for each in arguments], (0, 1, 2, 7))

    return lanes(types.float64, types.float64), codegen


@intrinsic
def delayed_by_one(typingctx, before, newest):
    """The last number of ``before``, then the first three of ``newest``: what came before each of ``newest``."""

    def codegen(context, builder, signature, arguments):
        return _picked(builder, arguments, (3, 4, 5, 6))

    return lanes(lanes, lanes), codegen


@intrinsic
def turned(typingctx, rows):
    """Rows to columns, and columns to rows."""

    def codegen(context, builder, signature, arguments):
        one, two, three, four = cgutils.unpack_tuple(builder, arguments[0])
        evens = [_picked(builder, pair, (0, 4, 2, 6)) for pair in ((one, two), (three, four))]
        odds = [_picked(builder, pair, (1, 5, 3, 7)) for pair in ((one, two), (three, four))]
        parts = [_picked(builder, pair, halves) for halves in ((0, 1, 4, 5), (2, 3, 6, 7)) for pair in (evens, odds)]
        return context.make_tuple(builder, rows, parts)

    return rows(rows), codegen


@intrinsic
def fused_lanes(typingctx, a, b, c):
    """``fused`` of each lane."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(_REGISTER, [_REGISTER] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v4f64"), arguments)

    return lanes(lanes, lanes, lanes), codegen


@inlined
def chained(value, keep, shares):
    """The values of four chains after each of four steps: value * keep + share."""
    one = fused_lanes(value, keep, shares[0])
    two = fused_lanes(one, keep, shares[1])
    three = fused_lanes(two, keep, shares[2])
    return one, two, three, fused_lanes(three, keep, shares[3])


if PLAIN:

    def chosen(condition, one, other):
        """Of numbers, or of arrays of four."""
        return np.where(condition, one, other) if np.ndim(condition) else one if condition else other

    root = np.sqrt

    def lanes_of(*numbers):
        """An array of four."""
        return np.array(numbers)

    numbers_of = tuple

    def three_and_one(three, one):
        """An array of four."""
        return np.array([three, three, three, one])

    def delayed_by_one(before, newest):
        """An array of four."""
        return np.append(before[-1:], newest[:-1])

    def turned(rows):
        """Four arrays of four."""
        return tuple(np.array(rows).T)

    def fused_lanes(*parts):
        """An array of four."""
        return np.array([fused(*each) for each in zip(*parts, strict=True)])
