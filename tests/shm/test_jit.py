"""Kernels: cached per build, called by address."""

import importlib
import os
import pkgutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from shm.jit import PLAIN, address_of, call5, compiled, fused, kernel, record_at, specialised

POINT = np.dtype([("x", "<f8"), ("hits", "<i8")], align=True)


@kernel
def touch(point, number, other, _third, _fourth):
    """Count a hit; the answer mixes what was passed."""
    point.hits += 1
    return point.hits * 100 + number + other.hits


@kernel
def answer_float(_point, _a, _b, _c, _d):
    """A float, which no caller expects."""
    return 1.5


@kernel
def call(function, point, number):
    """Call by address."""
    return call5(function, point, number, point, 0, 0)


@kernel
def read_x(address):
    """A field of the record at an address."""
    return record_at(address, POINT).x


def dispatchers():
    """Yield every kernel of every package of ours, by its dotted name."""
    for name in ("shm", "brain", "engine", "brain.indicators", "brain.strategies", "engine.venue.embedded"):
        package = importlib.import_module(name)
        for each in pkgutil.iter_modules(package.__path__, f"{name}."):
            for one in vars(importlib.import_module(each.name)).values():
                if hasattr(one, "py_func") and one.py_func.__module__ == each.name:
                    yield f"{each.name}.{one.py_func.__name__}", one


@pytest.mark.skipif(PLAIN, reason="only compiled functions have options")
def test_every_kernel_is_compiled_in_one_mode():
    """C1, C2: nopython with numpy's arithmetic, sequential, exact, no way back to objects; found by walking."""
    found = dict(dispatchers())
    assert len(found) > 250
    for name, one in found.items():
        options = dict(one.targetoptions)
        assert options.pop("nopython"), name
        assert options.pop("error_model") == "numpy", name
        assert options.pop("nogil"), name
        assert options in ({"boundscheck": None}, {"boundscheck": None, "forceinline": True}), (name, options)
    for path in (Path(__file__).parents[2]).glob("[bse]*/**/*.py"):
        assert "objmode" not in path.read_text(encoding="utf-8"), path


def test_a_call_by_address_reaches_the_record():
    """The callee writes the caller's record and its answer comes back."""
    points = np.zeros(1, POINT)
    function = compiled(touch, POINT, int, POINT, int, int)
    assert call(function, address_of(points), 7) == 108
    assert points["hits"][0] == 1


def test_a_record_is_seen_where_it_stands():
    """record_at is a view, not a copy."""
    points = np.array([(2.5, 0)], POINT)
    assert read_x(address_of(points)) == 2.5


@pytest.mark.skipif(PLAIN, reason="only compiled functions have a type")
def test_an_answer_of_another_type_is_refused():
    """A decide that returns a float is named when it is compiled, not when it is called."""
    with pytest.raises(TypeError, match="answer_float must answer int64"):
        compiled(answer_float, POINT, int, int, int, int)


def test_the_cache_stands_under_its_build(tmp_path):
    """RINGMASTER_CACHE is used, below it a folder named by the fingerprint."""
    code = "from shm import jit; print(jit.numba.config.CACHE_DIR, jit.fingerprint())"
    environment = {**os.environ, "RINGMASTER_CACHE": str(tmp_path)}
    root = Path(__file__).parents[2]
    output = subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=root, text=True)
    folder, fingerprint = output.split()
    assert folder == str(tmp_path / fingerprint)


def test_what_needs_no_kernels_does_not_load_the_compiler():
    """Instruments, clocks, logs, segments and topology leave numba alone."""
    code = "import sys, shm.instruments, shm.clock, shm.log, shm.segment, shm.topology; print('numba' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "False"


@pytest.mark.skipif(PLAIN, reason="this is that run")
def test_the_kernels_also_run_uncompiled():
    """Rings, tables, words and waits pass their tests with NUMBA_DISABLE_JIT=1."""
    here = Path(__file__).parent
    files = [str(here / f"test_{name}.py") for name in ("ring", "table", "words", "plain", "jit", "registers")]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, env=environment, cwd=here.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def _twice(value):
    return _applied(value) * 2


def _applied(value):
    raise NotImplementedError(value)


@kernel
def _plus_one(value):
    return value + 1


@kernel
def _plus_two(value):
    return value + 2


def test_a_template_is_compiled_with_what_is_put_in_its_place():
    """Each under its own name, so that each has its own place in the cache."""
    one, two = (specialised(_twice, f"twice_{n}", _applied=each) for n, each in ((1, _plus_one), (2, _plus_two)))
    assert (one(10), two(10)) == (22, 24)
    assert getattr(one, "py_func", one).__name__ != getattr(two, "py_func", two).__name__


@kernel
def _residue(a, b):
    product = a * b
    return fused(a, b, -product)


def test_a_fused_multiply_add_is_rounded_once():
    """What the product lost to rounding comes out whole: exactly, compiled or not."""
    a, b = 1.0 + 2.0**-30, 1.0 - 2.0**-31
    assert _residue(a, b) == float(Fraction(a) * Fraction(b) - Fraction(a * b)) != 0.0
