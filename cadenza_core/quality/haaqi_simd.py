"""Vectors of sixteen float32 for Numba: one lane is one auditory band.

Numba vectorises a loop when LLVM can prove that it may, which it cannot for a recursive filter whose state should stay
in registers. Here a vector is a value: ``load`` gives one from an array, the operators work lane by lane, ``store`` puts
it back. LLVM maps it to whatever the processor has (one AVX-512 register, two of AVX, four of SSE or NEON).

Only for use inside functions that Numba compiles.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, models, register_model

__all__ = ["LANES", "exp2", "gather", "load", "log2", "maximum", "sqrt", "store", "total", "where_from", "zero"]

#: Bands per vector.
LANES = 16

_F32 = ir.FloatType()
_I32 = ir.IntType(32)
_VECTOR = ir.VectorType(_F32, LANES)
_IVECTOR = ir.VectorType(_I32, LANES)


class Vector(types.Type):
    """Numba's name for sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="HaaqiVector")


vector = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, _VECTOR)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_VECTOR, [ir.Constant(_F32, value)] * LANES)


def _integers(value: int) -> ir.Constant:
    return ir.Constant(_IVECTOR, [ir.Constant(_I32, value)] * LANES)


def _splat(context: Any, builder: Any, value: Any, kind: Any) -> Any:
    """Give the vector of which each lane is the number `value`."""
    if isinstance(kind, Vector):
        return value
    value = context.cast(builder, value, kind, types.float32)
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_IVECTOR, [0] * LANES))


def _operator(function: Callable, instruction: str) -> None:
    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            """Type the operator where one side is a vector and the other one too, or a number."""
            known = all(isinstance(a, Vector | types.Number) for a in args)
            if len(args) == 2 and known and any(isinstance(a, Vector) for a in args):
                return signature(vector, *args)
            return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (_splat(context, builder, a, t) for a, t in zip(args, sig.args, strict=True))
        return getattr(builder, instruction)(left, right)

    for left, right in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(function, left, right)(lower)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> Any:
    """Load sixteen float32 that stand in the one-dimensional `array` from `index` on."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _address(context, builder, sig.args[0], *args)
        return builder.load(builder.bitcast(address, _VECTOR.as_pointer()), align=4)

    return vector(array, types.intp), codegen


@intrinsic
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Store the vector `value` in the one-dimensional float32 `array` from `index` on."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _address(context, builder, sig.args[0], *args[:2])
        builder.store(args[2], builder.bitcast(address, _VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


@intrinsic
def gather(typing_context: Any, array: Any, index: Any, offsets: Any) -> Any:
    """Load lane k from ``array[index + offsets[k]]``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        base = builder.gep(data, [args[1]])
        shifts = context.make_array(sig.args[2])(context, builder, args[2]).data
        result = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(LANES):
            position = ir.Constant(_I32, lane)
            shift = builder.load(builder.gep(shifts, [position]))
            result = builder.insert_element(result, builder.load(builder.gep(base, [shift])), position)
        return result

    return vector(array, types.intp, offsets), codegen


@intrinsic
def zero(typing_context: Any) -> Any:
    """Give a vector of zeros."""
    return vector(), lambda context, builder, sig, args: _constant(0.0)


@intrinsic
def maximum(typing_context: Any, a: Any, b: Any) -> Any:
    """Give the larger of two, lane by lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (_splat(context, builder, x, t) for x, t in zip(args, sig.args, strict=True))
        return builder.select(builder.fcmp_ordered(">", left, right), left, right)

    return vector(a, b), codegen


@intrinsic
def minimum(typing_context: Any, a: Any, b: Any) -> Any:
    """Give the smaller of two, lane by lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (_splat(context, builder, x, t) for x, t in zip(args, sig.args, strict=True))
        return builder.select(builder.fcmp_ordered("<", left, right), left, right)

    return vector(a, b), codegen


@intrinsic
def where_from(typing_context: Any, value: Any, start: Any, n: Any) -> Any:
    """Give `value` in the lanes whose `start` is at most the number `n`, else zero."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        now = _splat(context, builder, args[2], sig.args[2])
        return builder.select(builder.fcmp_ordered("<=", args[1], now), args[0], _constant(0.0))

    return vector(vector, vector, n), codegen


def _call(builder: Any, name: str, *args: Any) -> Any:
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * len(args)), f"llvm.{name}.v{LANES}f32"
    )
    return builder.call(function, args)


@intrinsic
def sqrt(typing_context: Any, a: Any) -> Any:
    """Square root."""
    return vector(vector), lambda context, builder, sig, args: _call(builder, "sqrt", args[0])


@intrinsic
def absolute(typing_context: Any, a: Any) -> Any:
    """Absolute value."""
    return vector(vector), lambda context, builder, sig, args: _call(builder, "fabs", args[0])


def _polynomial(builder: Any, x: Any, coefficients: tuple[float, ...]) -> Any:
    """Evaluate a polynomial, the coefficient of the highest power first."""
    result = _constant(coefficients[0])
    for coefficient in coefficients[1:]:
        result = builder.fadd(builder.fmul(result, x), _constant(coefficient))
    return result


@intrinsic
def log2(typing_context: Any, a: Any) -> Any:
    """Logarithm of positive numbers, to about 1e-7; below 1e-38 some number under -120."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], _IVECTOR)
        # mantissa in [sqrt(1/2), sqrt(2)); s = (m - 1) / (m + 1); log(m) = 2 (s + s^3/3 + s^5/5 + ...)
        exponent = builder.ashr(builder.sub(bits, _integers(0x3F3504F3)), _integers(23))
        mantissa = builder.bitcast(builder.sub(bits, builder.shl(exponent, _integers(23))), _VECTOR)
        s = builder.fdiv(builder.fsub(mantissa, _constant(1.0)), builder.fadd(mantissa, _constant(1.0)))
        c = 2.8853900817779268  # 2 / ln 2
        series = _polynomial(builder, builder.fmul(s, s), (c / 9, c / 7, c / 5, c / 3, c))
        return builder.fadd(builder.fmul(s, series), builder.sitofp(exponent, _VECTOR))

    return vector(vector), codegen


@intrinsic
def exp2(typing_context: Any, a: Any) -> Any:
    """Power of two, of numbers between -126 and 127, to about 1e-7."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        whole = _call(builder, "rint", args[0])
        fraction = builder.fsub(args[0], whole)
        coefficients = [1.0]
        for k in range(1, 8):
            coefficients.append(coefficients[-1] * 0.6931471805599453 / k)
        power = _polynomial(builder, fraction, tuple(reversed(coefficients)))
        exponent = builder.shl(builder.add(builder.fptosi(whole, _IVECTOR), _integers(127)), _integers(23))
        return builder.fmul(power, builder.bitcast(exponent, _VECTOR))

    return vector(vector), codegen


@intrinsic
def total(typing_context: Any, array: Any, value: Any) -> Any:
    """Add the vector to sixteen float64 of `array`."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        wide = ir.VectorType(ir.DoubleType(), LANES)
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        address = builder.bitcast(data, wide.as_pointer())
        builder.store(builder.fadd(builder.load(address, align=8), builder.fpext(args[1], wide)), address, align=8)
        return context.get_dummy_value()

    return types.void(array, vector), codegen
