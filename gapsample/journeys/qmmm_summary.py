"""What an adaptive run says of itself: how much quantum mechanics it took, and how wrong it may be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_records import moving, read
from gapsample.journeys.qmmm_state import Records, as_audits
from gapsample.learning import AuditedError, ErrorBudget, MissedFraction, audited_error, missed_fraction
from gapsample.qmmm.history import crossings

Floats = NDArray[np.float64]
ENDS = 10  # the first and the last of so many parts of a run are compared


@dataclass(frozen=True)
class Summary:
    """A run so far.

    Attributes
    ----------
    steps : time steps
    picoseconds : of dynamics
    calls : quantum calculations, those of audits among them
    quantum_seconds : wall time of the quantum engine
    hours_per_ns : of the quantum engine
    asked_first, asked_last : atoms with quantum forces for each step, audits among them, at first and in the
        last tenth of the run; at first is in its first tenth, as far as the model was that of the start
    entered, left : how often atoms did so, after the first step, with the quantum region
    threshold : eV/Å, of bounds on errors, now
    missed : the certificate; each audit by the threshold of its time
    audited : true error of the classical forces that were trusted
    budget : where errors come from
    """

    steps: int
    picoseconds: float
    calls: int
    quantum_seconds: float
    hours_per_ns: float
    asked_first: float
    asked_last: float
    entered: int
    left: int
    threshold: float
    missed: MissedFraction
    audited: AuditedError
    budget: ErrorBudget

    @property
    def fall(self) -> float:
        """By which factor the atoms with quantum forces became fewer; infinite where none are left."""
        return self.asked_first / self.asked_last if self.asked_last else np.inf

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers; None for what is not known."""
        known = {**asdict(self), "budget": self.budget.as_dict(), "fall": self.fall}
        return {name: _plain(value) for name, value in known.items()}


def summarize(config: QmmmConfig, atoms: Atoms) -> Summary:
    """Of a run with at least one step, finished or not."""
    steps, audits = read(config.output.folder, "steps"), read(config.output.folder, "audits")
    time = float(steps["step"][-1]) * config.dynamics.time_step / 1000.0
    seconds = float(steps["quantum_seconds"].sum())
    asked = asked_atoms(steps)
    part = -(-len(steps) // ENDS)
    error = audited_error(as_audits(audits[~audits["flagged"]]))
    return Summary(
        int(steps["step"][-1]),
        time,
        int(steps["calls"].sum()),
        seconds,
        seconds / 3.6 / time,
        float(asked[:part][steps["generation"][:part] == 0].mean()),
        float(asked[-part:].mean()),
        *crossings(read(config.output.folder, "region"), "quantum", int(steps["step"][0])),
        float(steps["threshold"][-1]),
        missed_fraction(as_audits(audits)),
        error,
        ErrorBudget(
            config.region.buffer_error,
            error.value,
            _momentum(steps),
            _heat_removed(steps, time, int(moving(atoms).sum())),
        ),
    )


def asked_atoms(steps: Records) -> Floats:
    """Atoms whose quantum forces were asked for at each step, audits among them, shape (n_steps,)."""
    return np.asarray(steps["quantum"] + steps["transition"] + steps["audited"], dtype=float)


def _momentum(steps: Records) -> float:
    """Root mean square correction of the force on the atoms that carry it, eV/Å."""
    mixed = steps["quantum"] > 0
    return float(np.sqrt(np.mean(steps["momentum"][mixed] ** 2))) if mixed.any() else 0.0


def _heat_removed(steps: Records, time: float, n_moving: int) -> dict[str, float]:
    """Heat removed by the thermostat for each atom of a region that is not fixed, eV/ps."""
    quantum, transition = (float(steps[f"moving_{name}"].mean()) for name in ("quantum", "transition"))
    sizes = {"quantum": quantum, "transition": transition, "classical": n_moving - quantum - transition}
    return {
        name: -float(steps[f"heat_{name}"].sum()) / (size * time)
        for name, size in sizes.items()
        if size > 0.0
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
