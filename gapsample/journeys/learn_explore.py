"""What explores for the learner: dynamics, nested and umbrella sampling, each with the newest model."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ase import Atoms

from gapsample.journeys.learn_config import Dynamics, NestedStudy, UmbrellaStudy
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_potentials import GapModel
from gapsample.journeys.nested_run import begin, problems_of, resume
from gapsample.journeys.nested_study import open_study
from gapsample.journeys.umbrella_config import load_umbrella_config
from gapsample.journeys.umbrella_run import labeled as visited_in_windows
from gapsample.journeys.umbrella_run import sample_campaign
from gapsample.journeys.visited import labeled
from gapsample.learning import Candidate, judge, predicted_errors
from gapsample.potential.gap import GAP
from gapsample.provenance import MANIFEST
from gapsample.rng import stream
from gapsample.sampling.dynamics import BrokenDown, Langevin, System

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ExploreByDynamics:
    """Trajectories of Langevin dynamics; the same for the same model and round.

    Attributes
    ----------
    seed : of all trajectories; round and trajectory make each its own stream
    """

    how: Dynamics
    start: Sequence[Atoms]
    seed: int

    def __call__(self, gap: GAP, number: int) -> list[Candidate]:
        """Configurations of all trajectories, with the model's predicted errors."""
        visits = [(atoms, kelvin) for atoms in self.start for kelvin in self.how.temperatures]
        found = [
            candidate
            for walker, (atoms, kelvin) in enumerate(visits)
            for candidate in self._trajectory(gap, atoms, kelvin, number, walker)
        ]
        log.info("round %d: %d configurations visited", number, len(found))
        return found

    def _trajectory(
        self, gap: GAP, atoms: Atoms, kelvin: float, number: int, walker: int
    ) -> Iterator[Candidate]:
        how, rng = self.how, stream(self.seed, number, walker)
        system = System(atoms, gap)
        dynamics = Langevin(system, kelvin, how.time_step, how.friction)
        state = system.thermal(kelvin, rng)
        for _ in range(how.steps // how.every):
            try:
                for _ in range(how.every):
                    state, _ = dynamics.step(state, rng)
            except BrokenDown as problem:
                log.warning("round %d, %g K: %s", number, kelvin, problem)
                return
            frame = atoms.copy()
            frame.set_constraint()
            frame.positions = state.positions
            candidate = Candidate(frame, predicted_errors(gap.evaluate(frame, error="forces")))
            yield candidate
            if how.largest_error is not None and candidate.error.max() > how.largest_error:
                return


@dataclass(frozen=True, eq=False)
class ExploreByNestedSampling:
    """A study of nested sampling in each round.

    Attributes
    ----------
    folder : of the studies
    """

    how: NestedStudy
    folder: Path

    def __call__(self, gap: GAP, number: int) -> list[Candidate]:
        """Configurations that the runs kept, with the model's predicted errors."""
        folder = self.folder / f"nested-{number:04d}"
        model = folder / "model.npz"
        if (folder / MANIFEST).exists():
            resume(folder, (f"potential.model={model}",))  # where it is now
        else:
            gap.save(model)
            config = load_nested_config(self.how.config)
            output = replace(
                config.output, folder=folder, database=None, keep_every=self.how.keep_every, keep_above=None
            )
            begin(replace(config, potential=GapModel(model), output=output))
        study = open_study(folder)
        kept = [
            atoms
            for leaf, problem in problems_of(study).items()
            for atoms, _ in labeled(study, leaf, problem, live=True)
        ]
        for atoms in kept:
            atoms.info = {}
        log.info("round %d: %d configurations visited", number, len(kept))
        return judge(gap, kept)


@dataclass(frozen=True, eq=False)
class ExploreByUmbrellaSampling:
    """A campaign of umbrella windows in each round.

    Attributes
    ----------
    folder : of the campaigns
    """

    how: UmbrellaStudy
    folder: Path

    def __call__(self, gap: GAP, number: int) -> list[Candidate]:
        """Configurations that the windows kept, with the model's predicted errors."""
        folder = self.folder / f"umbrella-{number:04d}"
        model = folder / "model.npz"
        gap.save(model)
        config = load_umbrella_config(self.how.config)
        output = replace(config.output, folder=folder, database=None, keep_above=None)
        config = replace(config, potential=GapModel(model), output=output)
        problem, runs, _ = sample_campaign(config)
        kept = [atoms for atoms, _ in visited_in_windows(config, problem, runs)]
        for atoms in kept:
            atoms.info = {}
        log.info("round %d: %d configurations visited", number, len(kept))
        return judge(gap, kept)
