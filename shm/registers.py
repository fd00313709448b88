"""A record whose scalars a loop keeps in registers, while its arrays stay where they are.

    state = in_registers(records[0])         scalars are copied, arrays are reached at home
    for ...:
        kernel(state, ...)                   the same source as for a record in memory
    put_back(state)

The copy's address must never leave the function, or the compiler keeps it in memory.  What is seldom
needed and long is therefore ``outlined``: it is called with the record itself, brought up to date before
and read again after.

``in_settled_registers`` gives the same with a promise: nothing that a kernel calls ``unsettled`` is true until
it is put back.  The kernel is then compiled without it.
"""

# ruff: noqa: ARG001 - numba looks at the names of arguments that an author does not use

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, lower_getattr_generic, lower_setattr_generic, models, register_model

from shm.jit import PLAIN, intrinsic, kernel, specialised

_BYTES = ir.IntType(8).as_pointer()


# a processor has 16 registers of each kind
WORDS_MAX = 32


class Local(types.Type):
    """The type of what ``in_registers`` gives: a copy of the scalars of ``record``, a word each, and where it is."""

    def __init__(self, record, *, settled=False):
        self.record, self.settled = record, settled
        self.words: dict[str, int] = {}  # where in the copy each field begins
        self.size = 0
        for name in record.fields:
            kind = record.typeof(name)
            if not isinstance(kind, types.NestedArray):
                self.words[name] = self.size
                self.size += Local(kind).size if isinstance(kind, types.Record) else 1
        super().__init__(name=f"{'Settled' if settled else 'Local'}({record.name})")

    def of(self, kind):
        """Return the type of a nested record of ``kind``."""
        return Local(kind, settled=self.settled)


@register_model(Local)
class _LocalModel(models.StructModel):
    def __init__(self, manager, local):
        super().__init__(manager, local, [("copy", types.voidptr), ("home", types.voidptr)])


@infer_getattr
class _LocalAttribute(AttributeTemplate):
    key = Local

    def generic_resolve(self, local, name):  # type: ignore[override]
        if name not in local.record.fields:
            return None
        kind = local.record.typeof(name)
        return local.of(kind) if isinstance(kind, types.Record) else kind


@lower_getattr_generic(Local)
def _field(context, builder, local, value, name):
    record = local.record
    kind, offset = record.typeof(name), record.offset(name)
    both = cgutils.create_struct_proxy(local)(context, builder, value)
    if isinstance(kind, types.NestedArray):
        return context.get_getattr(record, name)(context, builder, record, _typed(builder, both.home, record), name)
    if isinstance(kind, types.Record):
        inner = cgutils.create_struct_proxy(local.of(kind))(context, builder)
        inner.copy = cgutils.pointer_add(builder, both.copy, 8 * local.words[name])
        inner.home = cgutils.pointer_add(builder, both.home, offset)
        return inner._getvalue()
    return context.unpack_value(builder, kind, _place(context, builder, both.copy, kind, 8 * local.words[name]))


@lower_setattr_generic(Local)
def _set_field(context, builder, signature, arguments, name):
    local, given = signature.args
    kind = local.record.typeof(name)
    both = cgutils.create_struct_proxy(local)(context, builder, arguments[0])
    value = context.cast(builder, arguments[1], given, kind)
    context.pack_value(builder, kind, value, _place(context, builder, both.copy, kind, 8 * local.words[name]))


def _place(context, builder, base, kind, offset):
    return builder.bitcast(cgutils.pointer_add(builder, base, offset), context.get_data_type(kind).as_pointer())


def _typed(builder, address, record):
    return builder.bitcast(address, ir.ArrayType(ir.IntType(8), record.size).as_pointer())


def _scalars(record, offset=0):
    # where each scalar lies in the record, those of nested records too: in the order of their words in the copy
    for name in record.fields:
        kind, at = record.typeof(name), offset + record.offset(name)
        if isinstance(kind, types.Record):
            yield from _scalars(kind, at)
        elif not isinstance(kind, types.NestedArray):
            yield at, kind


def _carry(context, builder, record, both, *, home):
    # ``home``: from the copy to the record; else from the record to the copy
    for word, (offset, kind) in enumerate(_scalars(record)):
        places = [
            _place(context, builder, both.copy, kind, 8 * word),
            _place(context, builder, both.home, kind, offset),
        ]
        source, to = places if home else places[::-1]
        builder.store(builder.load(source), to)


@intrinsic
def in_registers(typingctx, record):
    """A copy of the scalars of ``record``, which alone counts until it is put back.

    A record of more than WORDS_MAX is worked on where it is: the compiler would move its copy about on the stack.
    """
    local = Local(record)
    if local.size > WORDS_MAX:
        return record(record), lambda *arguments: arguments[-1][0]
    return _copied(local)


@intrinsic
def in_settled_registers(typingctx, record):
    """The same, whatever its size, for a run of candles in which nothing is ``unsettled``."""
    return _copied(Local(record, settled=True))


@intrinsic
def is_all_copied(typingctx, state):
    """Whether nothing is at home that is not in the copy: no array.  The compiler knows."""
    answer = isinstance(state, Local) and not any(_arrays(state.record))

    def codegen(context, builder, signature, arguments):
        return ir.Constant(ir.IntType(1), int(answer))

    return types.boolean(state), codegen


def _arrays(record):
    for name in record.fields:
        kind = record.typeof(name)
        if isinstance(kind, types.NestedArray):
            yield name
        elif isinstance(kind, types.Record):
            yield from _arrays(kind)


def _copied(local):
    record = local.record

    def codegen(context, builder, signature, arguments):
        with builder.goto_entry_block():
            place = builder.alloca(ir.ArrayType(ir.IntType(64), max(local.size, 1)))
        both = cgutils.create_struct_proxy(local)(context, builder)
        both.copy, both.home = builder.bitcast(place, _BYTES), builder.bitcast(arguments[0], _BYTES)
        _carry(context, builder, record, both, home=False)
        return both._getvalue()

    return local(record), codegen


@intrinsic
def put_back(typingctx, state):
    """Bring the record behind ``state`` up to date and return it; a record is its own."""
    record = getattr(state, "record", state)

    def codegen(context, builder, signature, arguments):
        if not isinstance(state, Local):
            return arguments[0]
        both = cgutils.create_struct_proxy(state)(context, builder, arguments[0])
        _carry(context, builder, record, both, home=True)
        return _typed(builder, both.home, record)

    return record(state), codegen


@intrinsic
def read_again(typingctx, state):
    """Take the scalars of the record behind ``state`` anew."""

    def codegen(context, builder, signature, arguments):
        if isinstance(state, Local):
            both = cgutils.create_struct_proxy(state)(context, builder, arguments[0])
            _carry(context, builder, state.record, both, home=False)
        return context.get_dummy_value()

    return types.void(state), codegen


@intrinsic
def rarely(typingctx, condition):
    """``condition``, which the compiler may take to be false."""

    def codegen(context, builder, signature, arguments):
        return _expected(builder, arguments[0])

    return types.boolean(types.boolean), codegen


def _expected(builder, condition):
    bit = ir.IntType(1)
    expect = cgutils.get_or_insert_function(builder.module, ir.FunctionType(bit, [bit, bit]), "llvm.expect.i1")
    return builder.call(expect, [condition, ir.Constant(bit, 0)])


@intrinsic
def unsettled(typingctx, state, condition):
    """``condition``, which the compiler may take to be false, and knows to be false of what is in settled registers."""

    def codegen(context, builder, signature, arguments):
        if isinstance(state, Local) and state.settled:
            return ir.Constant(ir.IntType(1), 0)
        return _expected(builder, arguments[1])

    return types.boolean(state, types.boolean), codegen


@intrinsic
def is_settled(typingctx, state):
    """Whether ``state`` has seen as much as it settles after; one that does not say: whether all nested ones have."""

    def codegen(context, builder, signature, arguments):
        return _settled(context, builder, state, arguments[0])

    return types.boolean(state), codegen


def _settled(context, builder, kind, value):
    def field(name):
        return context.get_getattr(kind, name)(context, builder, kind, value, name)

    record = getattr(kind, "record", kind)
    if "settles" in record.fields:
        seen = field("seen")
        begun = builder.icmp_signed(">", seen, ir.Constant(seen.type, 0))
        return builder.and_(begun, builder.icmp_signed(">=", seen, field("settles")))
    answer = ir.Constant(ir.IntType(1), 1)
    for name in record.fields:
        inner = record.typeof(name)
        if isinstance(inner, types.Record):
            inner = kind.of(inner) if isinstance(kind, Local) else inner
            answer = builder.and_(answer, _settled(context, builder, inner, field(name)))
    return answer


def _detour(state, *rest):
    record = put_back(state)
    answer = _outlined(record, *rest)
    read_again(state)
    return answer


def _outlined(_record, *_rest):
    raise NotImplementedError("stands for what is outlined")


def outlined(function: Callable[..., Any]) -> Any:
    """A kernel that is called, not copied into its caller, and gets the record of its first argument where it is."""
    if PLAIN:
        return function
    return specialised(_detour, f"to_{function.__name__}", _outlined=kernel(function))


if PLAIN:

    def _same(value):
        return value

    def _second(_state, condition):
        return condition

    def _plain_is_settled(state):
        if "settles" in state.dtype.names:
            return bool(0 < state.seen >= state.settles)
        return all(_plain_is_settled(state[name]) for name in state.dtype.names if state.dtype[name].names)

    in_registers = in_settled_registers = put_back = rarely = _same
    read_again = _same

    def is_all_copied(_state):
        """No: it is the record itself."""
        return False

    unsettled, is_settled = _second, _plain_is_settled
