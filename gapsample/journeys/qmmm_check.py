"""Frames of an adaptive run against the quantum engine on the whole configuration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.journeys.engines import engine_of
from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_records import frames
from gapsample.journeys.qmmm_summary import Summary
from gapsample.progress import Progress
from gapsample.qmmm import Engine
from gapsample.rng import stream

Floats = NDArray[np.float64]
DRAWN = 3  # the run number of the stream that draws frames


@dataclass(frozen=True)
class FrameCheck:
    """Errors of mixed forces: root mean squares of the norm of the error, eV/Å; NaN where there are no atoms.

    Attributes
    ----------
    frames : compared
    flagged, unflagged : atoms with quantum forces, and the others
    largest : of all atoms
    seconds : wall time of one quantum calculation of the whole configuration
    """

    frames: int
    flagged: float
    unflagged: float
    largest: float
    seconds: float

    def share(self, said: Summary) -> float:
        """Quantum time of the run over that of one calculation of the whole at every step."""
        return said.quantum_seconds / (said.steps * self.seconds)


def check_frames(config: QmmmConfig, atoms: Atoms, n: int, *, progress: Progress | None = None) -> FrameCheck:
    """Compare `n` frames drawn at random, always the same ones, or all where there are fewer.

    Raises
    ------
    InputError
        `n` is below 1, or there are no frames yet.
    QuantumFailed
        The engine gives no forces of the whole configuration.
    """
    if n < 1:
        raise InputError(f"wanted one frame or more to check, got {n}")
    kept = list(frames(config.output.folder, atoms))
    if not kept:
        raise InputError(
            f"{config.output.folder} holds no frames yet; run longer, or lower output.frames_every"
        )
    drawn = stream(config.seed, DRAWN).choice(len(kept), min(n, len(kept)), replace=False)
    engine, seconds = Engine(tuple(engine_of(model) for model in config.qm), config.engine.timeout), []
    density = None if config.density is None else config.density.force(atoms)
    errors, flagged = list[Floats](), list[NDArray[np.bool_]]()
    for number, place in enumerate(sorted(drawn.tolist())):
        answer = engine.answer(kept[place])
        assert answer.evaluation.forces is not None  # an Engine answers with forces
        error = kept[place].arrays["mixed_forces"] - answer.evaluation.forces
        if density is not None:
            error = error - density.evaluate(kept[place]).forces
        errors.append(np.linalg.norm(error, axis=1))
        flagged.append(kept[place].arrays["layer"] > 0)
        seconds.append(answer.seconds)
        if progress is not None:
            progress("checking", number + 1, len(drawn))
    error, inside = np.concatenate(errors), np.concatenate(flagged)
    return FrameCheck(
        len(drawn), _rms(error[inside]), _rms(error[~inside]), float(error.max()), float(np.median(seconds))
    )


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else np.nan
