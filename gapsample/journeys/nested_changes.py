"""Which settings of a nested-sampling study that has begun may still change, and which may only fall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gapsample.journeys.changes import Change, Inputs, begin_anew, changes, refuse, under
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_problem import input_files

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

WHAT = "study"


def check_changes(before: NestedConfig, hashes: Mapping[str, str], after: NestedConfig) -> None:
    """Refuse to go on with settings or files under which the runs so far would have been others.

    Parameters
    ----------
    hashes : SHA-256 of the files of `before`, by path

    Raises
    ------
    InputError
        Names every such setting or file, what it was, what it is now, and what to do.
    """
    told = Inputs.told(before.as_dict(), hashes)
    found = Inputs.found(after.as_dict(), input_files(after))
    different = changes(told, found, lambda name: _is_free(name, before))
    refuse(story for change in different for story in _refusals(change, before, after))


def _refusals(change: Change, before: NestedConfig, after: NestedConfig) -> Iterator[str]:
    name, was, now, _ = change
    if name in LOWERED:
        if not now < was:
            yield (
                f"{name} is {was} in this study and may be lowered, not raised to {now}: its runs may be "
                "beyond that already (`gapsample thermo --temperatures` chooses what is shown)"
            )
    elif name == "ensemble.pressure":
        yield from _pressures(before, after)
    else:
        yield change.refusal(WHAT)


def _is_free(name: str, before: NestedConfig) -> bool:
    """Whether no number depends on a setting; a limit that decides what is kept is not free."""
    if name == "stop.predicted_error":
        return before.output.keep_above is not None
    return under(name, FREE)


def _pressures(before: NestedConfig, after: NestedConfig) -> Iterator[str]:
    old, new = before.ensemble.listed, after.ensemble.listed
    if before.sampling.exchange:
        yield (
            f"ensemble.pressure is {list(old)} in this study, whose runs exchange points, and cannot become "
            f"{list(new)}; {begin_anew(WHAT)}"
        )
    elif new[: len(old)] != old:
        yield (
            f"ensemble.pressure is {list(old)} in this study: further ones may be put behind these, got "
            f"{list(new)}"
        )
