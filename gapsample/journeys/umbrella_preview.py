"""What an umbrella campaign would do: its windows, and the time that they would take."""

from __future__ import annotations

import time
from dataclasses import replace

from gapsample.errors import GapsampleError
from gapsample.free_energy.samples import Window
from gapsample.free_energy.variables import evaluate_all
from gapsample.free_energy.windows import Schedule, sample_window
from gapsample.journeys.check import Findings, duration, writable
from gapsample.journeys.umbrella_config import UmbrellaConfig
from gapsample.journeys.umbrella_folder import FOLDER, WINDOWS
from gapsample.journeys.umbrella_problem import Placement, Problem, umbrella_problem
from gapsample.rng import stream


def check_umbrella(config: UmbrellaConfig) -> Findings:
    """Make everything a campaign needs and sample two values of the variables; writes nothing."""
    folder, problems = config.output.folder, list[str]()
    try:
        problem = umbrella_problem(config)
        step = _seconds_of_a_step(problem, config.schedule)
    except (GapsampleError, OSError) as error:
        return Findings((), (str(error),))
    atoms, schedule, given = problem.start, config.schedule, problem.windows
    here = evaluate_all(problem.ensemble.variables, atoms)[0]
    names = ", ".join(f"{name} = {value:.4g}" for name, value in zip(config.names, here, strict=True))
    n, most, all_ = len(given), "", "all"
    if isinstance(given, Placement):
        n, most, all_ = given.plan.most_windows, "at most ", "that many"
    steps = schedule.n_steering + schedule.n_equilibration + schedule.n_steps
    cost = duration(n * steps * step)
    if not writable(folder):
        problems.append(f"cannot write into {folder}")
    lines = (
        f"system       {len(atoms)} atoms, {atoms.get_chemical_formula()}, at the start {names}",
        f"potential    {problem.level}: {1e3 * step:.3g} ms a step",
        f"windows      {most}{n}, of {steps} steps each",
        f"there        {len(list((folder / FOLDER).glob(WINDOWS)))} windows in {folder}",
        f"cost         roughly {cost} on one core for {all_}",
    )
    return Findings(lines, tuple(problems))


def _seconds_of_a_step(problem: Problem, schedule: Schedule) -> float:
    """Of dynamics in a window around the start."""
    given = problem.windows
    kappa = given.plan.kappa if isinstance(given, Placement) else given[0].kappa
    here = evaluate_all(problem.ensemble.variables, problem.start)[0]
    window = Window(tuple(here.tolist()), kappa)
    brief = replace(schedule, n_steering=0, n_equilibration=0, n_steps=2 * schedule.every, keep_every=0)
    for _ in range(2):  # the first compiles
        began = time.perf_counter()
        sample_window(problem.ensemble, window, problem.start, brief, stream(0))
    return (time.perf_counter() - began) / brief.n_steps
