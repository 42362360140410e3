"""Compiled functions called by their address: compiled once, and not again within every caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import typeof
from numba.core import types
from numba.core.typing.templates import Signature
from numba.experimental import function_type as _function_type  # noqa: F401  teaches numba the type


class ByAddress(types.WrapperAddressProtocol):
    """A compiled function for arguments of certain types, to be handed to compiled functions.

    numba optimizes a function anew with everything it calls, which for large ones takes longer than they
    run. Called by its address a function is left alone; the call itself costs nothing that can be measured.

    Parameters
    ----------
    function : compiled
    *arguments : examples of its arguments; those of a call must have the same types. It returns a float
    """

    def __init__(self, function: Callable[..., float], *arguments: Any) -> None:
        self._function = function
        kinds = tuple(typeof(each) for each in arguments)
        self._signature = Signature(types.float64, kinds, None)

    def __call__(self, *arguments: Any) -> float:
        """The function itself, for plain Python."""
        return self._function(*arguments)

    def __wrapper_address__(self) -> int:
        compiled = self._function.get_compile_result(self._signature)  # type: ignore[attr-defined]
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
        return int(address)

    def signature(self) -> Signature:
        """Types of result and arguments, as numba asks for them."""
        return self._signature
