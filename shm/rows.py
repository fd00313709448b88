"""Columns seen as rows, a block of them at a time: what a loop computes for a row, the compiler computes for four.

    row = row_at((columns, table, out, start), n, FIELDS, OUTS)      row n of the block that begins at ``start``

    columns   the eight of a market, COLUMNS; ``row.high`` is the number there, ``row.before.high`` the one above it
    table     table_of(fields): a line for each field of FIELDS, which is needed in this block only
    out       a line for each field of OUTS: the answers

``rows_at`` is row ``n`` and the three below it at once: each of its numbers is four lanes, as lanes.py has them.

No two fields share memory, and the compiler is told so: it need not look before it takes four rows at once.
"""

# ruff: noqa: ARG001 - numba looks at the names of arguments that an author does not use

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, lower_getattr_generic, lower_setattr_generic, models, register_model

from shm.jit import PLAIN, intrinsic, kernel
from shm.lanes import LANES, lanes

COLUMNS = ("open_ns", "open", "high", "low", "close", "volume", "taker_volume", "trades")
# those of COLUMNS that are prices or quantities
INPUTS = COLUMNS[1:-1]
BLOCK = 1024
# eight more, or the lines of a table would all fall on the same few places of the cache
_LINE = BLOCK + 8
_BYTES = ir.IntType(8).as_pointer()


class Row(types.Type):
    """The type of what ``row_at`` gives: where columns, table and answers are, and how far down the row is."""

    def __init__(self, fields, outs, kind=types.float64):
        self.kind = kind
        self.lines = {name: line for line, name in enumerate(fields.fields)}
        self.outs = {name: line for line, name in enumerate(outs.fields)}
        self.known = {*INPUTS, *self.lines, *self.outs}
        super().__init__(name=f"Row({fields.name}, {outs.name}, {kind.name})")


@register_model(Row)
class _RowModel(models.StructModel):
    def __init__(self, manager, row):
        line = types.CPointer(types.float64)
        lines = [(name, line) for name in (*INPUTS, "table", "out")]
        super().__init__(manager, row, [*lines, ("size", types.intp), ("n", types.intp)])


@infer_getattr
class _RowAttribute(AttributeTemplate):
    key = Row

    def generic_resolve(self, row, name):  # type: ignore[override]
        if name == "before":
            return row
        return row.kind if name in row.known else None


def _place(builder, row, at, name):
    if name in row.outs:
        return builder.gep(at.out, [builder.add(builder.mul(at.size, _word(row.outs[name])), at.n)])
    if name in row.lines:
        return builder.gep(at.table, [builder.add(at.n, _word(_LINE * row.lines[name]))])
    return builder.gep(getattr(at, name), [at.n])


def _typed(context, builder, row, at, name):
    return builder.bitcast(_place(builder, row, at, name), context.get_value_type(row.kind).as_pointer())


def _word(value):
    return ir.Constant(ir.IntType(64), value)


def _apart(module, row, name, instruction):
    # its scope is its own, and it is in none of the others
    domain = module.add_metadata([row.name])
    scopes = {each: module.add_metadata([each, domain]) for each in sorted(row.known)}
    instruction.set_metadata("alias.scope", module.add_metadata([scopes.pop(name)]))
    instruction.set_metadata("noalias", module.add_metadata(list(scopes.values())))
    return instruction


@lower_getattr_generic(Row)
def _field(context, builder, row, value, name):
    at = cgutils.create_struct_proxy(row)(context, builder, value)
    if name == "before":
        at.n = builder.sub(at.n, _word(1))
        return at._getvalue()
    return _apart(builder.module, row, name, builder.load(_typed(context, builder, row, at, name), align=8))


@lower_setattr_generic(Row)
def _set_field(context, builder, signature, arguments, name):
    row, given = signature.args
    assert name not in INPUTS, f"{name} is read, not written"
    at = cgutils.create_struct_proxy(row)(context, builder, arguments[0])
    value = context.cast(builder, arguments[1], given, row.kind)
    _apart(builder.module, row, name, builder.store(value, _typed(context, builder, row, at, name), align=8))


@intrinsic
def row_at(typingctx, where, n, fields, outs):
    """Row ``n`` of the block at ``where``; ``fields`` and ``outs`` are records of float64."""
    return _row_at(Row(fields, outs), where, fields, outs)


@intrinsic
def rows_at(typingctx, where, n, fields, outs):
    """Rows ``n`` to ``n`` + 3 of the same."""
    return _row_at(Row(fields, outs, lanes), where, fields, outs)


def _row_at(row, where, fields, outs):
    def codegen(context, builder, signature, arguments):
        def data(kind, array):
            return context.make_array(kind)(context, builder, array)

        kinds, parts = signature.args[0].types, cgutils.unpack_tuple(builder, arguments[0])
        columns, start = cgutils.unpack_tuple(builder, parts[0]), parts[3]
        at = cgutils.create_struct_proxy(row)(context, builder)
        for name, kind, column in zip(COLUMNS, kinds[0].types, columns, strict=True):
            if name in INPUTS:
                setattr(at, name, builder.gep(data(kind, column).data, [start]))
        out = data(kinds[2], parts[2])
        at.table, at.out, at.n = data(kinds[1], parts[1]).data, builder.gep(out.data, [start]), arguments[1]
        at.size = cgutils.unpack_tuple(builder, out.shape)[1]
        return at._getvalue()

    return row(where, types.intp, fields, outs), codegen


@intrinsic
def fetch(typingctx, where, n, fields, outs):
    """Have the places of the answers of row ``n`` brought into the cache: they are written soon."""
    row = Row(fields, outs)

    def codegen(context, builder, signature, arguments):
        parts, number = cgutils.unpack_tuple(builder, arguments[0]), ir.IntType(32)
        out = context.make_array(signature.args[0].types[2])(context, builder, parts[2])
        size, at = cgutils.unpack_tuple(builder, out.shape)[1], builder.add(parts[3], arguments[1])
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for line in row.outs.values():
            place = builder.gep(out.data, [builder.add(builder.mul(size, _word(line)), at)])
            # to write, soon, and it is data
            builder.call(prefetch, [builder.bitcast(place, _BYTES), *[ir.Constant(number, each) for each in (1, 3, 1)]])
        return context.get_dummy_value()

    return types.void(where, types.intp, fields, outs), codegen


@kernel
def table_of(fields):
    """A table for so many ``fields``."""
    return np.zeros((fields, _LINE))


class _PlainRow:
    def __init__(self, where, n, fields, outs):
        vars(self).update(where=where, n=n, fields=fields, outs=outs)

    def __getattr__(self, name):
        if name == "before":
            return _PlainRow(self.where, self.n - 1, self.fields, self.outs)
        line, at = self._place(name)
        return float(line[at])

    def __setattr__(self, name, value):
        line, at = self._place(name)
        line[at] = value

    def _place(self, name):
        columns, table, out, start = self.where
        if name in self.outs.dtype.names:
            return out[self.outs.dtype.names.index(name)], start + self.n
        if name in self.fields.dtype.names:
            return table[self.fields.dtype.names.index(name)], self.n
        return columns[COLUMNS.index(name)], start + self.n


if PLAIN:

    class _PlainRows(_PlainRow):
        def _place(self, name):
            line, at = super()._place(name)
            return line, slice(at, at + LANES)

        def __getattr__(self, name):
            if name == "before":
                return _PlainRows(self.where, self.n - 1, self.fields, self.outs)
            line, at = self._place(name)
            return line[at].copy()

    def fetch(_where, _n, _fields, _outs):
        """Do nothing."""

    row_at, rows_at = _PlainRow, _PlainRows
