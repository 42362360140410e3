"""What an adaptive QM/MM run goes on from: motion and region, the model's generation, all audits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.learning import Audit
from gapsample.qmmm.predictor_corrector import block_codec
from gapsample.qmmm.trajectory import Regional, regional_codec
from gapsample.sampling.checkpoints import Codec, Packed

Records = NDArray[np.void]
NUMBERS = ("step", "generation", "pending", "factor")

AUDIT = np.dtype(
    [
        ("step", "<i8"),
        ("generation", "<i4"),
        ("atom", "<i4"),
        ("predicted", "<f8"),  # eV/Å, by the model
        ("bound", "<f8"),  # eV/Å, on the true error, as it was then
        ("true", "<f8"),  # eV/Å
        ("flagged", "?"),  # whether it had quantum forces anyway
        ("threshold", "<f8"),  # eV/Å, of bounds, as it was then
    ]
)
"""One audited atom, drawn from all, with the predicted and the true error of its classical force."""


@dataclass(frozen=True, eq=False)
class RunState:
    """All that the next step depends on.

    Attributes
    ----------
    dynamics : motion, or block of a predictor and corrector, and the region
    step : time steps done
    generation : of the classical model; 0 where it does not learn
    pending : labels told since
    audits : shape (n,) of `AUDIT`, all so far
    factor : bounds on errors are so many times the predicted ones, as the audits say; None: too few for one
    """

    dynamics: Regional[Any]
    step: int = 0
    generation: int = 0
    pending: int = 0
    audits: Records = field(default_factory=lambda: np.empty(0, AUDIT))
    factor: float | None = None

    @property
    def motion(self) -> Any:
        """Positions, velocities and what else the integrator keeps."""
        return motion_of(self.dynamics)


def motion_of(dynamics: Regional[Any]) -> Any:
    """The integrator's state, where it stands by itself or begins a block."""
    return getattr(dynamics.inner, "motion", dynamics.inner)


def as_audits(records: Records) -> list[Audit]:
    """Audits as the certificate takes them: atoms of one configuration, which follow each other, together."""
    begins = np.flatnonzero(np.diff(records["step"])) + 1
    return [audit_of(each) for each in np.split(records, begins) if len(each)]


def audit_of(records: Records) -> Audit:
    """The audit that some atoms of one configuration make."""
    atoms = records["atom"].astype(np.int64)
    predicted, true, flagged = (np.array(records[name]) for name in ("predicted", "true", "flagged"))
    generation, threshold = int(records["generation"][0]), float(records["threshold"][0])
    return Audit(generation, atoms, predicted, true, flagged, threshold)


def run_codec(motion: Codec[Any], *, blocks: bool) -> Codec[RunState]:
    """How checkpoints are written, given how those of the integrator's states are."""
    dynamics = regional_codec(block_codec(motion) if blocks else motion)

    def pack(state: RunState) -> Packed:
        arrays, values = dynamics.pack(state.dynamics)
        kept = {name: getattr(state, name) for name in NUMBERS}
        return Packed({**arrays, "audits": state.audits}, {"dynamics": values, **kept})

    def unpack(packed: Packed) -> RunState:
        arrays, values = dict(packed.arrays), packed.values
        audits = arrays.pop("audits")
        inner = dynamics.unpack(Packed(arrays, values["dynamics"]))
        return RunState(inner, audits=audits, **{name: values[name] for name in NUMBERS})

    return Codec(f"adaptive {dynamics.kind}", dynamics.schema + 1, pack, unpack)  # 1: with the factor
