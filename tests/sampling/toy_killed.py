"""Kill the toy run at each of its calls that change the disk, resume it, and compare.

Usage: python toy_killed.py FOLDER
Each trial is a fork that ends itself with SIGKILL just before, or half-way through, its k-th such call; so
is the first attempt to resume. Prints how many trials were killed; fails if one ended differently.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toy_run import begin_or_resume, everything

from gapsample.sampling.loop import steps

N_STEPS = 12
CALLS = ("pwrite", "fsync", "replace", "ftruncate", "unlink", "open", "chmod")


def die_at(call: int) -> None:
    """Arrange for SIGKILL at the given call from now on that changes the disk."""
    left = [call]

    def deadly(name: str, genuine: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                if name == "pwrite":
                    genuine(args[0], bytes(args[1])[: len(args[1]) // 2], args[2])
                os.kill(os.getpid(), signal.SIGKILL)
            return genuine(*args, **kwargs)

        return instead

    for name in CALLS:
        setattr(os, name, deadly(name, getattr(os, name)))


def survived(folder: Path, call: int) -> bool:
    """Run or resume in a fork that dies at `call`, if it comes to that; whether it came to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            die_at(call)
            begin_or_resume(folder, steps(N_STEPS))
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), f"a run killed at call {call} ended with status {status}"
    return status == 0


def main(folder: Path) -> int:
    begin_or_resume(folder / "uncut", steps(N_STEPS))
    wanted = everything(folder / "uncut")
    call = 1
    while not survived(folder / f"cut-{call}", call):
        survived(folder / f"cut-{call}", 1 + 7 * call % 31)
        begin_or_resume(folder / f"cut-{call}", steps(N_STEPS))
        got = everything(folder / f"cut-{call}")  # an older checkpoint may be left over
        assert got.items() >= wanted.items(), f"killed at call {call}: another result"
        call += 1
    return call - 1


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
