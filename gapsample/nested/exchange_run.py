"""A whole family of runs that exchange points: from problems to the dead points of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from gapsample.errors import InputError
from gapsample.nested.evidence import of_dead
from gapsample.nested.exchange import Exchangeable, Family, FamilyStepper, check_priors
from gapsample.nested.exchange_records import FAMILY_CODEC, FamilyRecords, run_folder, write_family
from gapsample.nested.records import DEAD, KEPT, PROGRESS, live_records, points_of
from gapsample.nested.run import CHECKPOINTS, Result
from gapsample.nested.settings import Settings
from gapsample.nested.state import Records, State, start
from gapsample.nested.stop import evidence_below, stuck
from gapsample.rng import stream
from gapsample.sampling import loop
from gapsample.sampling.checkpoints import Checkpoint, Checkpoints


def run_exchange(
    problems: Sequence[Exchangeable],
    settings: Settings = Settings(),
    *,
    seed: int,
    lowest_kT: float,
    remaining: float = 1e-3,
    number: int = 0,
    folder: str | Path | None = None,
    run_folders: Sequence[str | Path] | None = None,
    resume: bool = False,
    until: loop.Until[Family] | None = None,
    executor: Executor | None = None,
    n_swaps: int | None = None,
    checkpoint_every: loop.Every = loop.Every(),
    watch: Callable[[Family, int], None] | None = None,
) -> list[Result]:
    """Sample several problems of one prior side by side, whose live points change places as they go.

    Each step of a run, in which a quarter of its live points die, is followed by attempts to exchange points
    with its neighbors. Runs are not independent of each other: an error common to neighbors is seen by
    another seed only.

    Parameters
    ----------
    problems : in an order in which neighbors are alike, e.g. `PairCell` at rising pressures
    seed, number, lowest_kT, remaining : as in `run`; a run that has seen enough goes on until all have
    folder : of the checkpoints and of the record of exchanges; None uses a temporary one
    run_folders : of each run, which `read_points` reads; ``00``, ``01``, … within `folder` if None
    resume : go on where the folder's last checkpoint stands, as `run` does
    until : further reasons to stop all, such as `loop.wall_time`
    executor : takes the steps of the runs side by side; the numbers do not depend on it
    n_swaps : attempts per step between two neighbors; one for each live point, if None: beside walks of L
        sweeps that costs about 8/L of the work
    watch : called with the states and steps done after each checkpoint, all of it on disk

    Returns
    -------
    list of Result
        One for each problem.

    Raises
    ------
    InputError
        The problems do not have one prior, `run_folders` are not one for each, or as in `run`.
    """
    if not lowest_kT > 0.0:
        raise InputError(f"the lowest thermal energy must be positive, got {lowest_kT}")
    if folder is None:
        if resume:
            raise InputError("resuming needs the folder of the runs, got none")
        with TemporaryDirectory() as temporary:
            return run_exchange(
                problems,
                settings,
                seed=seed,
                lowest_kT=lowest_kT,
                remaining=remaining,
                number=number,
                folder=temporary,
                run_folders=run_folders,
                until=until,
                executor=executor,
                n_swaps=n_swaps,
                checkpoint_every=checkpoint_every,
                watch=watch,
            )
    folder, beta = Path(folder), 1.0 / lowest_kT
    folders = _folders(folder, run_folders, len(problems))
    tries = settings.n_live if n_swaps is None else n_swaps
    halts = [stuck(problem) for problem in problems]
    ends = [loop.first_of(evidence_below(remaining, beta), halt) for halt in halts]
    step = FamilyStepper(
        problems,
        settings,
        inverse_temperature=beta,
        rests=lambda i, state: halts[i](state, 0) is not None,
        n_swaps=tries,
        executor=executor,
    )
    identity = repr(([problem.fingerprint for problem in problems], settings, tries))
    model = hashlib.sha256(identity.encode()).hexdigest()
    checkpoints = Checkpoints(folder / CHECKPOINTS, FAMILY_CODEC, model=model)
    last = checkpoints.latest() if resume else None
    if last is None:
        last = Checkpoint(_start(problems, settings, seed, number), stream(seed, number), 0, None)
    record = FamilyRecords(problems, last.state, folder, folders, last.marks)
    dead = [record.blocks(i)[DEAD]["value"] for i in range(len(problems))]
    followed = [of_dead(values, settings, beta) for values in dead]
    runs = zip(last.state.runs, followed, strict=True)
    begun = Family(tuple(replace(state, log_Z_dead=log_z) for state, log_z in runs))

    def written(family: Family, n_steps: int) -> None:
        write_family(problems, family, folders)
        if watch is not None:
            watch(family, n_steps)

    try:
        finished = loop.run(
            step,
            begun,
            last.rng,
            until=loop.first_of(_all_have_ended(ends), *([until] if until else [])),
            record=record,
            checkpoints=checkpoints,
            checkpoint_every=checkpoint_every,
            n_steps=last.n_steps,
            watch=written,
        )
        reasons = _reasons(ends, finished)
        return [
            _result(problem, finished, record.blocks(i), i, reasons[i]) for i, problem in enumerate(problems)
        ]
    finally:
        record.close()


def _start(problems: Sequence[Exchangeable], settings: Settings, seed: int, number: int) -> Family:
    """Prior draws of every run, each from random numbers of its own."""
    check_priors(problems)
    drawn = (start(p, settings, stream(seed, number, walker=1 + i)) for i, p in enumerate(problems))
    return Family(tuple(drawn))


def _folders(folder: Path, given: Sequence[str | Path] | None, n: int) -> list[Path]:
    folders = [run_folder(folder, i) for i in range(n)] if given is None else [Path(name) for name in given]
    if len(set(folders)) != n:
        raise InputError(f"{n} problems need as many folders, got {[str(name) for name in folders]}")
    return folders


def _all_have_ended(ends: Sequence[loop.Until[State]]) -> loop.Until[Family]:
    """End when every run has a reason to; the reason is the first that is not good news, if any.

    None rests before, unless it is stuck, so that what happens does not depend on when runs have seen
    enough: all of them can go on to a lower temperature together.
    """

    def until(family: Family, n_steps: int) -> loop.Reason | None:
        reasons = [end(state, n_steps) for end, state in zip(ends, family.runs, strict=True)]
        if None in reasons:
            return None
        return next((r for r in reasons if r is not loop.Reason.CONVERGED), loop.Reason.CONVERGED)

    return until


def _reasons(ends: Sequence[loop.Until[State]], finished: loop.Finished[Family]) -> list[loop.Reason]:
    """Why each run ended: for reasons of its own if all have one, else for what ended the family."""
    own = [end(state, finished.n_steps) for end, state in zip(ends, finished.state.runs, strict=True)]
    return [finished.reason if reason is None or None in own else reason for reason in own]


def _result(
    problem: Exchangeable,
    finished: loop.Finished[Family],
    blocks: dict[str, Records],
    number: int,
    reason: loop.Reason,
) -> Result:
    state = finished.state.runs[number]
    points = points_of(blocks[DEAD], live_records(problem, state.live))
    return Result(points, blocks[KEPT], blocks[PROGRESS], loop.Finished(state, finished.n_steps, reason))
