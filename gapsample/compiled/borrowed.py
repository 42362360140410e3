"""Arrays whose references are not counted: in short loops the counting takes half of the time.

numba counts the references to every array that a compiled function is given, one atomic operation when it
begins and one when it ends.
"""

from __future__ import annotations

from typing import Any, TypeVar

from numba.core import cgutils, types
from numba.extending import intrinsic, overload

Value = TypeVar("Value")


def borrowed(value: Value) -> Value:
    """The same array, or tuple of such, without a claim on its memory; in plain Python, `value` itself.

    Borrow only arguments of the function you are in, whose caller keeps them alive until it returns: numba
    lets go of all other variables after their last use.
    """
    return value


@overload(borrowed)
def _borrowed(value: Any) -> Any:
    def same(value: Any) -> Any:
        return _uncounted(value)  # type: ignore[call-arg]

    return same


@intrinsic
def _uncounted(context: Any, value: Any) -> Any:
    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _without_owner(target, builder, value, arguments[0])

    return value(value), generate


def _without_owner(target: Any, builder: Any, kind: Any, value: Any) -> Any:
    """A value of numba type `kind`, whose arrays belong to nobody."""
    if isinstance(kind, types.BaseTuple):
        kinds: tuple[Any, ...] = tuple(kind)  # type: ignore[arg-type]
        parts = [builder.extract_value(value, place) for place in range(len(kinds))]
        parts = [_without_owner(target, builder, *each) for each in zip(kinds, parts, strict=True)]
        return target.make_tuple(builder, kind, parts)
    if isinstance(kind, types.Array):
        array = target.make_array(kind)(target, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()
    return value
