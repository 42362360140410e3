"""Labels from a quantum engine, many at once: a calculation that fails costs its label and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from ase import Atoms

from gapsample.database import Label
from gapsample.errors import InputError
from gapsample.potential.protocol import Potential

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Quantum:
    """A quantum engine and what its labels are called.

    Attributes
    ----------
    potential : gives energy and forces, and a virial where the cell has a volume and `virial` asks for it;
        picklable where other processes are to use it. One that may hang needs a time limit of its own
    level : of theory
    """

    potential: Potential
    level: str
    source: str = "learning"
    config_type: str = "default"
    virial: bool = False

    def label(self, atoms: Atoms) -> Label:
        """Energy, forces and virial of a whole configuration.

        Raises
        ------
        InputError
            A number is missing, NaN or infinite. Whatever the engine raises is raised as it is.
        """
        seen = self.potential.evaluate(atoms, forces=True, virial=self.virial and atoms.cell.rank == 3)
        if seen.forces is None:
            raise InputError("the quantum engine gives no forces, and learning wants them")
        label = Label(
            self.level,
            self.source,
            self.config_type,
            energy=seen.energy,
            forces=seen.forces,
            virial=seen.virial,
        )
        label.check_matches(len(atoms))
        return label


@dataclass(frozen=True)
class Failure:
    """A calculation that gave no label, in words."""

    story: str


def label_all(
    quantum: Quantum, configurations: Sequence[Atoms], executor: Executor, *, retries: int = 1
) -> Iterator[Label | Failure]:
    """Labels of configurations in their order, each as soon as those before it are there.

    Parameters
    ----------
    executor : threads, processes or a cluster (see `gapsample.sampling.executors`)
    retries : how often a calculation that failed is sent again
    """
    futures = [executor.submit(quantum.label, atoms) for atoms in configurations]
    try:
        for number, atoms in enumerate(configurations):
            answer = _answer(futures[number])
            for _ in range(retries):
                if isinstance(answer, Failure):
                    futures[number] = executor.submit(quantum.label, atoms)
                    answer = _answer(futures[number])
            yield answer
    finally:
        for future in futures:
            future.cancel()


def _answer(future: Future[Label]) -> Label | Failure:
    try:
        return future.result()
    except Exception as problem:  # calculators raise whatever they like
        failure = Failure(f"{type(problem).__name__}: {problem}")
        log.warning("a quantum calculation failed (%s)", failure.story)
        return failure
