"""The loop: visit configurations with the model, label what it does not know, learn, until audits agree.

Any engine can visit: molecular dynamics, nested sampling, umbrella sampling. What it hands over is atoms with
the model's predicted error. Some of them are labeled because the model is unsure there, some at random: only
those tell how wrong the model is where it is used, and they alone decide when to stop.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ase import Atoms

from gapsample.database import fingerprint
from gapsample.errors import FileFormatError
from gapsample.learning.audits import AuditedError
from gapsample.learning.labeling import Failure, Quantum, label_all
from gapsample.learning.learner import Learner
from gapsample.learning.selection import Candidate
from gapsample.potential.gap import GAP
from gapsample.provenance import write_json

log = logging.getLogger(__name__)

Explore = Callable[[GAP, int], Sequence[Candidate]]
"""``explore(gap, round)``: configurations that an engine visits with a model; the same for the same round."""

ROUND, ROUNDS = "round-{:04d}.json", "round-*.json"


class Reason(Enum):
    """Why learning ended; the text says what to try."""

    CONVERGED = "the audited error is below what was asked"
    LABEL_LIMIT = "the limit on labels is reached; raise it to go on"
    ROUND_LIMIT = "the limit on rounds is reached; raise it to go on"
    NOTHING_NEW = (
        "all that was visited has a label, and the audited error is still above what was asked; explore more"
    )
    QUANTUM_FAILED = "no quantum calculation of the last round gave a label; look at the warnings in the log"


@dataclass(frozen=True)
class Stop:
    """When to end.

    Attributes
    ----------
    force_error : eV/Å; the confidence bound of the audited error of the newest generation is to be below it.
        Asked once in every round, so that in 20 rounds of a model that never is, one may pass by luck
    labels : asked for and told in all, at most; those of others in the same database do not count
    rounds : generations of the line, at most
    """

    force_error: float
    labels: int = 1000
    rounds: int = 100


@dataclass(frozen=True)
class Batch:
    """What one round asks for.

    Attributes
    ----------
    labels : chosen for what they teach
    audits : chosen at random; two or more, or the audited error has no bound
    least : eV/Å, see `Learner.ask`
    retries : of a failed calculation
    """

    labels: int = 6
    audits: int = 4
    least: float = 0.0
    retries: int = 1


@dataclass(frozen=True)
class Learned:
    """How learning ended.

    Attributes
    ----------
    reason : why
    error : audited error of the newest generation, or where that was not audited, of the one before
    n_labels : asked for by this line of models and told, those before a restart included (see `n_told`)
    failures : quantum calculations that gave nothing, since the (re)start
    """

    reason: Reason
    error: AuditedError
    n_labels: int
    failures: int


@dataclass(frozen=True, eq=False)
class Asked:
    """A configuration to be labeled, and whether chance chose it."""

    atoms: Atoms
    audit: bool


def learn(
    learner: Learner,
    quantum: Quantum,
    explore: Explore,
    executor: Executor,
    *,
    stop: Stop,
    batch: Batch = Batch(),
    watch: Callable[[Learner], object] | None = None,
) -> Learned:
    """Go round after round until there is a reason not to.

    What a round asks for is on disk before anything is labeled, and every label is in the database before the
    next is waited for: killed at any moment, the same call goes on with the same round and ends with the same
    models as if it had not been.

    Parameters
    ----------
    watch : called after every generation, e.g. to refresh a report

    Raises
    ------
    GapsampleError
        From exploring or learning. A failed quantum calculation raises nothing.
    """
    failures = 0
    while True:
        number = learner.generation.number
        plan = learner.folder / ROUND.format(number)
        if not plan.exists():
            limit = _limit(learner, stop)
            asked = [] if limit else _ask(learner, explore(learner.gap, number), batch, stop)
            if not asked:
                return _ended(learner, limit or Reason.NOTHING_NEW, failures)
            _write(plan, asked)
        failures += _label(learner, quantum, _read(plan), executor, batch.retries)
        error = learner.audited(number)
        log.info("generation %d: audited error %s; %d labels", number, error, n_told(learner))
        if error.upper <= stop.force_error:
            return _ended(learner, Reason.CONVERGED, failures)
        if learner.n_new == 0:
            return _ended(learner, Reason.QUANTUM_FAILED, failures)
        learner.refit()
        if watch is not None:
            watch(learner)


def n_told(learner: Learner) -> int:
    """Labels that the rounds of a line of models asked for, and that are told.

    The database may be shared: `Learner.n_told` counts what others have added since, too.
    """
    plans = [_read(path) for path in sorted(learner.folder.glob(ROUNDS))]
    asked = {fingerprint(each.atoms) for plan in plans for each in plan}
    return len(asked & learner.known)


def _limit(learner: Learner, stop: Stop) -> Reason | None:
    if learner.generation.number >= stop.rounds:
        return Reason.ROUND_LIMIT
    return Reason.LABEL_LIMIT if n_told(learner) >= stop.labels else None


def _ask(learner: Learner, candidates: Sequence[Candidate], batch: Batch, stop: Stop) -> list[Asked]:
    """What a round labels: audits at random, then of the rest what teaches most, within the limit."""
    left = stop.labels - n_told(learner)
    audits = learner.draw(candidates, min(batch.audits, left))
    rest = [candidates[place] for place in sorted(set(range(len(candidates))) - set(audits))]
    drawn = {fingerprint(candidates[place].atoms) for place in audits}
    rest = [candidate for candidate in rest if fingerprint(candidate.atoms) not in drawn]
    chosen = learner.ask(rest, min(batch.labels, left - len(audits)), least=batch.least)
    return [
        *(Asked(candidates[place].atoms, True) for place in audits),
        *(Asked(rest[place].atoms, False) for place in chosen),
    ]


def _label(
    learner: Learner, quantum: Quantum, asked: Sequence[Asked], executor: Executor, retries: int
) -> int:
    """Label what has no label yet and tell it; how many calculations failed."""
    known, failures = set(learner.known), 0
    missing = [each for each in asked if fingerprint(each.atoms) not in known]
    answers = label_all(quantum, [each.atoms for each in missing], executor, retries=retries)
    for each, answer in zip(missing, answers, strict=True):
        if isinstance(answer, Failure):
            failures += 1
        else:
            learner.tell(each.atoms, answer, audited=each.audit)
    return failures


def _ended(learner: Learner, reason: Reason, failures: int) -> Learned:
    errors = [learner.audited(each.number) for each in reversed(learner.history)]
    known = next((error for error in errors if error.n_audits), errors[0])
    return Learned(reason, known, n_told(learner), failures)


def _write(path: Path, asked: Sequence[Asked]) -> None:
    kept = [
        {
            "audit": each.audit,
            "numbers": each.atoms.numbers.tolist(),
            "positions": each.atoms.positions.tolist(),
            "cell": each.atoms.cell.array.tolist(),
            "pbc": each.atoms.pbc.tolist(),
        }
        for each in asked
    ]
    write_json(path, {"asked": kept})


def _read(path: Path) -> list[Asked]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["asked"]
        return [
            Asked(
                Atoms(each["numbers"], each["positions"], cell=each["cell"], pbc=each["pbc"]), each["audit"]
            )
            for each in kept
        ]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise FileFormatError(
            f"{path} is no plan of a round: {problem!r}; delete it to explore anew"
        ) from problem
