"""The loop learns from few labels, stops when audits say so, and survives whatever befalls it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import LEVEL, POLICY, Misbehaving, Rattling, learner_in, quantum, rattled

from gapsample.database import Database
from gapsample.errors import FileFormatError
from gapsample.learning import Batch, Learner, Quantum, Reason, Stop, learn
from gapsample.learning.campaign import n_told
from gapsample.sampling.time_limit import InTime

BATCH = Batch(labels=3, audits=3)
ONE_ROUND = Stop(1e-6, rounds=1)


def go(learner, *, engine=None, explore=None, stop=Stop(0.04), batch=BATCH, workers=1):
    with ThreadPoolExecutor(workers) as executor:
        return learn(learner, engine or quantum(), explore or Rattling(), executor, stop=stop, batch=batch)


def test_a_pair_potential_is_learned_from_few_labels(tmp_path):
    """From three cells, forces of 1.2 eV/Å are known to 0.04 eV/Å, with confidence, within 30 labels."""
    learner = learner_in(tmp_path, n=3)
    ended = go(learner, explore=Rattling(size=0.06), stop=Stop(0.04, labels=30))
    assert ended.reason is Reason.CONVERGED
    assert ended.error.upper <= 0.04
    assert ended.n_labels <= 30
    fresh = Rattling(n=20, seed=900, size=0.06)(learner.gap, 0)
    errors = [learner.gap.evaluate(each.atoms).forces - quantum().label(each.atoms).forces for each in fresh]
    assert np.sqrt(np.mean(np.square(errors)) * 3.0) < 0.04  # also where nobody has looked


def test_every_round_leaves_a_generation_and_its_audits(tmp_path):
    learner = learner_in(tmp_path)
    ended = go(learner, stop=Stop(1e-6, labels=13))
    assert ended.reason is Reason.LABEL_LIMIT
    assert ended.n_labels == learner.n_told == 13
    assert [each.number for each in learner.history] == [0, 1, 2, 3]
    assert [learner.audited(number).n_audits for number in range(4)] == [3, 3, 1, 0]
    assert learner.missed().n_audits + sum(audit.flagged.all() for audit in learner.audits) == 7
    assert go(learner, stop=Stop(1e-6, rounds=3)).reason is Reason.ROUND_LIMIT


def test_it_ends_when_there_is_nothing_new(tmp_path):
    learner = learner_in(tmp_path)

    def same(gap, number):
        return Rattling(n=4)(gap, 0)

    assert go(learner, explore=same, stop=Stop(1e-6)).reason is Reason.NOTHING_NEW
    assert learner.n_told == 4


@pytest.mark.parametrize("how", ["throw", "NaN"])
def test_failing_calculations_cost_their_labels_only(tmp_path, how):
    learner = learner_in(tmp_path)
    some = Rattling(n=6, cursed=2)
    ended = go(learner, engine=Quantum(Misbehaving(how), LEVEL), explore=some, stop=ONE_ROUND, workers=2)
    assert (ended.reason, ended.n_labels, ended.failures) == (Reason.ROUND_LIMIT, 4, 2)
    for entry in learner.database.select():
        np.testing.assert_array_equal(entry.label.forces, quantum().label(entry.atoms).forces)


def test_an_engine_that_always_fails_ends_the_loop(tmp_path):
    learner = learner_in(tmp_path)
    all_of_them = Rattling(n=6, cursed=6)
    ended = go(learner, engine=Quantum(Misbehaving("throw"), LEVEL), explore=all_of_them)
    assert (ended.reason, ended.n_labels, ended.failures) == (Reason.QUANTUM_FAILED, 0, 6)
    assert len(learner.database) == 6
    assert go(learner, stop=ONE_ROUND).n_labels == 6  # the same round, with an engine that works


def test_an_engine_that_hangs_is_ended_in_time(tmp_path):
    learner = learner_in(tmp_path)
    limited = InTime(Misbehaving("hang"), 20.0)
    began, batch = time.monotonic(), replace(BATCH, retries=0)
    some = Rattling(n=6, cursed=2)
    ended = go(learner, engine=Quantum(limited, LEVEL), explore=some, stop=ONE_ROUND, batch=batch, workers=2)
    limited.close()
    assert (ended.n_labels, ended.failures) == (4, 2)
    assert time.monotonic() - began < 120.0


def test_killed_at_any_moment_it_becomes_the_same_model(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    script = Path(__file__).with_name("learning_process.py")
    for folder in (whole, cut):
        folder.mkdir()
        learner_in(folder)
    assert subprocess.run([sys.executable, str(script), str(whole)], check=True).returncode == 0
    kills = 0
    for stop_after in (2, 9, 10**6):
        process = subprocess.Popen([sys.executable, str(script), str(cut)])
        while process.poll() is None and len(Database(cut / "labels.db")) < 6 + stop_after:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() != 0
    assert kills == 2
    one, other = (Learner(None, Database(f / "labels.db"), f / "line", POLICY) for f in (whole, cut))
    assert len(one.history) == len(other.history) > 2
    np.testing.assert_array_equal(one.gap.alpha, other.gap.alpha)
    assert [e.fingerprint for e in one.database.select()] == [e.fingerprint for e in other.database.select()]
    assert one.conformal == other.conformal


def test_a_damaged_plan_is_named(tmp_path):
    learner = learner_in(tmp_path)
    (learner.folder / "round-0000.json").write_text("{}")
    with pytest.raises(FileFormatError, match="round-0000"):
        go(learner)


def test_labels_of_others_in_the_same_database_do_not_count(tmp_path):
    """Nor do they keep the loop from the labels that it may ask for."""
    learner = learner_in(tmp_path)

    def shared(gap, number):
        for atoms in rattled(5, seed=700 + number):
            learner.database.add(atoms, quantum().label(atoms))
        return Rattling()(gap, number)

    ended = go(learner, explore=shared, stop=Stop(1e-6, labels=9))
    assert ended.reason is Reason.LABEL_LIMIT
    assert ended.n_labels == n_told(learner) == 9
    assert learner.n_told == 9 + 5 * len(learner.history[1:])
