"""Quantum forces that were paid for become labels, and the classical model learns from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.database import Database, Label
from gapsample.errors import InputError
from gapsample.journeys.engines import mm_of
from gapsample.journeys.nested_potentials import GapModel
from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_state import Records, audit_of
from gapsample.learning import Generations, Guarded, Learner
from gapsample.learning.records import AUDIT
from gapsample.potential.files import load
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Potential
from gapsample.qmmm import ClusterLabel, Mixed

LABELS, LINE = "labels.db", "generations"
SOURCE = "qmmm"
ASKED = ("numbers", "positions", "initial_charges", "initial_magmoms")
Integers = NDArray[np.int64]


class Teacher:
    """One learner, asked for the models that the state of a run names.

    The learner on disk may be ahead of the state: of a run that was killed after it had learned. What the
    run then tells again is there already, and what it learns again is the generation that is there already,
    so that a run cut anywhere goes on as if it had not been.

    Parameters
    ----------
    folder : of the run; its labels, those its GAP has learned among them, and its generations are there and
        belong to it alone
    """

    def __init__(self, config: QmmmConfig, folder: Path) -> None:
        error = config.region.error
        if not (config.learn and config.audits and error and isinstance(config.mm, GapModel)):
            raise InputError("a teacher wants [learn], [audits], region.error and a GAP")
        self.how, self.plain = config.learn, config.region.how == "plain"
        folder.mkdir(parents=True, exist_ok=True)
        own, line = Database(folder / LABELS), folder / LINE
        policy = self.how.policy(error.enter, config.audits, config.seed)
        if any(line.glob("*.json")):
            self.learner = Learner(None, own, line, policy)
        else:
            gap = load(config.mm.model)
            own.add_many(_learned(Database(self.how.database), int(gap.origin.get("watermark", 0))))
            self.learner = Learner(gap, own, line, policy, watermark=own.watermark)
        self._fallback = None if self.how.fallback is None else mm_of(self.how.fallback)
        newest = self.learner.generation.number
        self._models: dict[int, Potential] = {newest: self._guarded(self.learner.gap, newest)}

    def model(self, generation: int) -> Potential:
        """The model of a generation, in its domain where there is a fallback for what is outside."""
        if generation not in self._models:
            found = Generations(self.learner.folder).load(self.learner.history[generation])
            self._models = {generation: self._guarded(found, generation)}
        return self._models[generation]

    def threshold(self, generation: int) -> float:
        """Force error that flags an atom, eV/Å: as asked, but not below three residuals of the model."""
        return self.learner.threshold_of(generation)

    def tell(self, atoms: Atoms, mixed: Mixed, audit: Records | None = None) -> int:
        """Keep the quantum forces of one configuration; returns how many labels they make.

        Parameters
        ----------
        audit : records of the atoms that they were computed for, if that was to audit them
        """
        labels = self._labels(atoms, mixed)
        for configuration, label, place, wanted in labels:
            if audit is not None:
                judged = replace(audit_of(audit[np.isin(audit["atom"], wanted)]), atoms=place)
                kept = judged.as_dict(self.learner.history[judged.generation].sha256)
                label = replace(label, config_type="audit", extra={AUDIT: kept})
            self.learner.tell(configuration, label)
        return len(labels)

    def learn(self, generation: int) -> int:
        """Learn what was told since a generation; returns the next one."""
        if self.learner.generation.number == generation:
            self.learner.refit()
        return generation + 1

    def give(self) -> int:
        """Add the labels of this run to the database it was begun with; returns how many are new there."""
        return Database(self.how.database).merge(self.learner.database)

    def _guarded(self, gap: GAP, generation: int) -> Potential:
        limit = self.learner.history[generation].novelty_limit
        return gap if self._fallback is None or limit is None else Guarded(gap, self._fallback, limit)

    def _labels(self, atoms: Atoms, mixed: Mixed) -> list[tuple[Atoms, Label, Integers, Integers]]:
        """Configurations, labels, and the atoms whose forces were wanted, by their places there and here.

        Where forces are mixed plainly, those of the whole configuration; else those of each cluster.
        """
        if self.plain:
            wanted = np.flatnonzero(mixed.region.treated)
            return [(_bare(atoms), self._of_whole(mixed), wanted, wanted)] if mixed.labels else []
        return [
            (each.atoms, self._of_cluster(each), np.flatnonzero(each.trusted), each.cluster.wanted)
            for each in mixed.labels
        ]

    def _of_cluster(self, solved: ClusterLabel) -> Label:
        trusted = None if solved.cluster.complete else solved.trusted
        energy = solved.energy if self.how.energies else None
        return Label(self.how.level, SOURCE, energy=energy, forces=solved.forces, trusted=trusted)

    def _of_whole(self, mixed: Mixed) -> Label:
        """Quantum forces where there are any; elsewhere classical ones stand in, and are not trusted."""
        complete = next((each for each in mixed.labels if each.cluster.complete), None)
        if complete is not None:
            return self._of_cluster(complete)
        assert mixed.mm.forces is not None
        forces, trusted = mixed.mm.forces.copy(), np.zeros(mixed.region.n_atoms, bool)
        for each in mixed.labels:
            forces[each.cluster.wanted] = each.forces[each.trusted]
            trusted[each.cluster.wanted] = True
        return Label(self.how.level, SOURCE, forces=forces, trusted=trusted)


def _bare(atoms: Atoms) -> Atoms:
    """What the engine was asked, and nothing else that came with the start."""
    bare = atoms.copy()
    bare.info, bare.arrays = {}, {name: bare.arrays[name] for name in ASKED if bare.has(name)}
    return bare


def _learned(database: Database, watermark: int) -> Iterator[tuple[Atoms, Label]]:
    """The labels that a model has learned; what others added since is not for this run."""
    if watermark > database.watermark:
        raise InputError(
            f"the model has learned rows up to {watermark}, but {database} ends at {database.watermark}; "
            "give the database that it was fitted to"
        )
    return ((each.atoms, each.label) for each in database.select() if each.id <= watermark)
