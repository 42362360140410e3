"""Which settings of a study that has begun may still change: those that no number of its runs depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gapsample.errors import InputError
from gapsample.journeys.nested_config import NestedConfig
from gapsample.provenance import sha256

FREE = (
    "stop.wall_time",
    "stop.steps",
    "stop.predicted_error_share",
    "sampling.seeds",
    "sampling.executor",
    "sampling.workers",
    "sampling.address",
    "output.folder",
    "output.database",
    "output.checkpoint_seconds",
    "phases",
)
LOWERED = ("stop.lowest_temperature", "stop.remaining")
"""Runs that have ended go on when these fall, exactly as if told of it from the start."""

PATHS = ("file", "model", "start")
"""Files may be moved: what they hold is compared, by `check_files`."""

ANEW = "begin a new study in another output.folder for that"


def check_changes(before: NestedConfig, after: NestedConfig) -> None:
    """Refuse to go on with settings under which the runs so far would have been others.

    Raises
    ------
    InputError
        Names every such setting, what it was, what it is now, and what to do.
    """
    if problems := list(_problems(before, after)):
        raise InputError("; ".join(problems))


def check_files(known: Mapping[str, str], files: Sequence[Path]) -> None:
    """Refuse to go on with files of potential or atoms that do not hold what they did.

    Parameters
    ----------
    known : SHA-256 by path, as of the beginning
    files : the same files, where they are now

    Raises
    ------
    InputError
        Names the file.
    """
    for path, digest in zip(files, known.values(), strict=False):
        if not path.exists():
            raise InputError(
                f"{path}, which the study was begun with, is gone; put it back, or say where it is now, "
                "as in --set potential.model=PATH"
            )
        if (now := sha256(path)) != digest:
            raise InputError(
                f"{path} is not what it was when the study began (SHA-256 {digest[:12]}, now {now[:12]}); "
                f"put it back, or {ANEW}"
            )


def _problems(before: NestedConfig, after: NestedConfig) -> Iterator[str]:
    old, new = _flat(before.as_dict()), _flat(after.as_dict())
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name), new.get(name)
        if was == now or _is_free(name, before):
            continue
        if name in LOWERED:
            if not new[name] < old[name]:
                yield (
                    f"{name} is {was} in this study and may be lowered, not raised to {now}: its runs may be "
                    "beyond that already (`gapsample thermo --temperatures` chooses what is shown)"
                )
        elif name == "ensemble.pressure":
            yield from _pressures(before, after)
        else:
            yield f"{name} is {was!r} in this study and would be {now!r}, which changes its numbers; {ANEW}"


def _is_free(name: str, before: NestedConfig) -> bool:
    """Whether no number depends on a setting; a limit that decides what is kept is not free."""
    if name == "stop.predicted_error":
        return before.output.keep_above is not None
    return name.split(".")[-1] in PATHS or any(name == each or name.startswith(f"{each}.") for each in FREE)


def _pressures(before: NestedConfig, after: NestedConfig) -> Iterator[str]:
    old, new = before.ensemble.listed, after.ensemble.listed
    if before.sampling.exchange:
        yield (
            f"ensemble.pressure is {list(old)} in this study, whose runs exchange points, and cannot become "
            f"{list(new)}; {ANEW}"
        )
    elif new[: len(old)] != old:
        yield (
            f"ensemble.pressure is {list(old)} in this study: further ones may be put behind these, got "
            f"{list(new)}"
        )


def _flat(settings: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Settings by their dotted names; lists and empty tables are values."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{where}{key}"
        found |= _flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return found
