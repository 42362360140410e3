"""Several runs of config.toml, each around another molecule, with frames that hold velocities.

    OPENMM_CPU_THREADS=1 python runs/qmmm_water/run.py 1       # one of them; more at once as cores allow
    OPENMM_CPU_THREADS=1 python runs/qmmm_water/run.py 0       # the control: TIP3P alone
    OPENMM_CPU_THREADS=1 python runs/qmmm_water/run.py 1 --set stop.steps=40000

Killed, the same command goes on, bit for bit; see analysis/qmmm_water.py for what becomes of the frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.journeys.qmmm_config import QmmmConfig, load_qmmm_config
from gapsample.journeys.qmmm_problem import fingerprint_of, first_motion, start_atoms, stepper_of
from gapsample.journeys.qmmm_records import STEP, step_row
from gapsample.journeys.qmmm_state import Records, RunState, run_codec
from gapsample.journeys.qmmm_stepper import Story
from gapsample.qmmm.history import EVENT, events
from gapsample.rng import stream
from gapsample.sampling.checkpoints import Checkpoint, Checkpoints
from gapsample.sampling.loop import Every, Finished, Reason, run
from gapsample.sampling.records import Mark, RecordFile, RecordSet

Floats = NDArray[np.float64]
HERE = Path(__file__).parent
CONTROL = 0  # number of the run without a quantum region
APART = 41  # from the molecule in the middle of one run to that of the next
ALONE = ("region.criterion.settings.enter=0.0", "region.criterion.settings.leave=0.0", "engine.every=1")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Water around a quantum molecule.")
    parser.add_argument("number", type=int, help="of the run; 0: without a quantum region")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as gapsample qmmm")
    arguments = parser.parse_args()
    finished = begin_or_go_on(configured(arguments.number, arguments.set))
    print(f"{finished.state.step} steps: {finished.reason.value}")


def configured(number: int, overrides: Iterable[str] = ()) -> QmmmConfig:
    """The config of a run."""
    own = [f"seed={number}", f"output.folder='out/{number}'"]
    own.append(f"region.criterion.settings.molecule={APART * max(number - 1, 0)}")
    chosen = [*own, *(ALONE if number == CONTROL else ()), *overrides]
    return load_qmmm_config(HERE / "config.toml", chosen)


def begin_or_go_on(config: QmmmConfig) -> Finished[RunState]:
    """Run until the limit on steps, from where the run stands."""
    atoms, folder = start_atoms(config), config.output.folder
    codec = run_codec(config.dynamics.codec, blocks=config.engine.every > 1)
    checkpoints = Checkpoints(folder / "checkpoints", codec, model=fingerprint_of(config))
    found = checkpoints.latest()
    with stepper_of(config, atoms) as stepper, ExitStack() as stack:
        if found is None:
            begun = stepper.start(first_motion(config, stepper))
            found = Checkpoint(begun, stream(config.seed, 1), 0, None)
        files = {}
        for name, dtype in {"steps": STEP, "frames": frame_dtype(len(atoms)), "region": EVENT}.items():
            keep = None if found.marks is None else Mark(*found.marks[name])
            files[name] = stack.enter_context(RecordFile(folder / f"{name}.records", dtype, keep=keep))
        return run(
            stepper,
            found.state,
            found.rng,
            until=lambda state, _: Reason.STEP_LIMIT if state.step >= config.stop.steps else None,
            record=RecordSet(files, partial(rows, config=config, masses=atoms.get_masses())),
            checkpoints=checkpoints,
            checkpoint_every=Every(config.output.checkpoint_seconds),
            n_steps=found.n_steps,
        )


def frame_dtype(n_atoms: int) -> np.dtype[Any]:
    """One frame, at the end of a block: Å, and Å / t with t the unit of time of `ase.units`."""
    vectors = ("<f4", (n_atoms, 3))
    return np.dtype([("step", "<i8"), ("positions", *vectors), ("velocities", *vectors)])


def rows(story: Story, config: QmmmConfig, masses: Floats) -> dict[str, Records]:
    """The records of one block."""
    before, after = story.before, story.after
    previous = before.dynamics.region if before.step else None
    found = {"steps": step_row(story, masses), "region": events(after.step, previous, story.region)}
    every = config.output.frames_every
    if after.step // every > before.step // every:
        frame = np.zeros((), frame_dtype(len(masses)))
        frame["step"] = after.step
        frame["positions"], frame["velocities"] = after.motion.positions, after.motion.velocities
        found["frames"] = frame
    return found


if __name__ == "__main__":
    main()
