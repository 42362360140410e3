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

AUDIT = np.dtype(
    [
        ("step", "<i8"),
        ("generation", "<i4"),
        ("atom", "<i4"),
        ("predicted", "<f8"),  # eV/Å, by the model
        ("bound", "<f8"),  # eV/Å, on the true error, as it was then
        ("true", "<f8"),  # eV/Å
        ("flagged", "?"),  # whether it had quantum forces anyway
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
    """

    dynamics: Regional[Any]
    step: int = 0
    generation: int = 0
    pending: int = 0
    audits: Records = field(default_factory=lambda: np.empty(0, AUDIT))

    @property
    def motion(self) -> Any:
        """Positions, velocities and what else the integrator keeps."""
        return motion_of(self.dynamics)


def motion_of(dynamics: Regional[Any]) -> Any:
    """The integrator's state, where it stands by itself or begins a block."""
    return getattr(dynamics.inner, "motion", dynamics.inner)


def as_audits(records: Records) -> list[Audit]:
    """Audits as calibration and certificate take them: atoms of one configuration together."""
    return [audit_of(records[records["step"] == step]) for step in np.unique(records["step"])]


def audit_of(records: Records) -> Audit:
    """The audit that some atoms of one configuration make."""
    atoms = records["atom"].astype(np.int64)
    columns = (np.array(records[name]) for name in ("predicted", "true", "flagged"))
    return Audit(int(records["generation"][0]), atoms, *columns)


def run_codec(motion: Codec[Any], *, blocks: bool) -> Codec[RunState]:
    """How checkpoints are written, given how those of the integrator's states are."""
    dynamics = regional_codec(block_codec(motion) if blocks else motion)

    def pack(state: RunState) -> Packed:
        arrays, values = dynamics.pack(state.dynamics)
        counts = {"step": state.step, "generation": state.generation, "pending": state.pending}
        return Packed({**arrays, "audits": state.audits}, {"dynamics": values, **counts})

    def unpack(packed: Packed) -> RunState:
        arrays, values = dict(packed.arrays), packed.values
        audits = arrays.pop("audits")
        inner = dynamics.unpack(Packed(arrays, values["dynamics"]))
        return RunState(inner, values["step"], values["generation"], values["pending"], audits)

    return Codec(f"adaptive {dynamics.kind}", dynamics.schema, pack, unpack)
