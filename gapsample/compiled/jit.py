"""The project's numba decorator: machine code kept between runs, free of the GIL, NaN left visible."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, overload

import numba
from numba.core.caching import IndexDataCacheFile

Function = TypeVar("Function", bound=Callable[..., Any])

# LLVM's fast math without 'nnan' and 'ninf': those two would let the compiler drop every `isnan`.
FUSED = frozenset({"contract"})
RELAXED = FUSED | {"reassoc", "arcp", "nsz", "afn"}


@overload
def njit(function: Function, /) -> Function: ...
@overload
def njit(*, relaxed: bool = False, inline: bool = False) -> Callable[[Function], Function]: ...
def njit(function: Function | None = None, /, *, relaxed: bool = False, inline: bool = False) -> Any:
    """Compile a function on its first call and keep the machine code on disk.

    Parameters
    ----------
    relaxed : let the compiler reorder sums, which vectorises them, and replace divisions by products; the
        last digits may then differ between machines. NaN and infinity keep their meaning. Without it
        multiply-adds are fused, nothing else.
    inline : put the function's code where it is called. The compiler decides otherwise, and for the innermost
        function of a walk differently from cache to cache

    Notes
    -----
    The code is kept in ``__pycache__`` beside the source; where that is read-only, in the user's cache
    folder; ``NUMBA_CACHE_DIR`` in the environment overrides both. Where none can be written every
    process compiles anew. The code is as old as the youngest file of this folder. After editing a model of
    your own that walks evaluate, run ``python -m gapsample.compiled.jit``.
    """

    def compile_lazily(plain: Function) -> Any:
        chosen = options(relaxed=relaxed, inline=inline)
        try:
            return _dated(numba.njit(cache=True, **chosen)(plain))
        except RuntimeError as problem:  # numba's "no locator available": nowhere to write
            logging.getLogger(__name__).info("compiling without a cache: %s", problem)
            return numba.njit(**chosen)(plain)

    return compile_lazily if function is None else compile_lazily(function)


def options(*, relaxed: bool = False, inline: bool = False) -> dict[str, Any]:
    """What numba is told of every function; see `njit`."""
    fastmath = set(RELAXED if relaxed else FUSED)
    return {"nogil": True, "error_model": "numpy", "fastmath": fastmath, "forceinline": inline}


class _Index(IndexDataCacheFile):
    """What has been compiled for which types; entries of classes that are no more are nobody's."""

    def _load_index(self) -> dict[Any, str]:
        try:
            found: dict[Any, str] = super()._load_index()  # type: ignore[no-untyped-call]
        except (AttributeError, ImportError):  # a class was renamed, or belongs to another program
            return {}
        return found


def _dated(dispatcher: Any) -> Any:
    """Date the machine code by all files of this folder: numba itself sees the outermost function's only."""
    cache = dispatcher._cache
    cache._cache_file = _Index(  # type: ignore[no-untyped-call]
        cache.cache_path, cache._impl.filename_base, _stamp()
    )
    return dispatcher


@lru_cache(maxsize=1)
def _stamp() -> tuple[int, int]:
    seen = [path.stat() for path in Path(__file__).parent.glob("*.py")]
    return max(each.st_mtime_ns for each in seen), sum(each.st_size for each in seen)


def forget(folder: Path = Path(__file__).parent) -> int:
    """Delete the machine code kept below a source folder; return how many files went."""
    stale = [path for suffix in ("nbi", "nbc") for path in folder.rglob(f"*.{suffix}")]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


if __name__ == "__main__":
    print(f"{forget()} cached files deleted")
