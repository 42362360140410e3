"""Learning: which configurations to label, what the labels change, and how wrong the model still is.

>>> from gapsample import learning
>>> learner = learning.Learner(gap, database, "line", learning.Policy("PBE", threshold=0.2))  # doctest: +SKIP
>>> for place in learner.ask(learning.judge(learner.gap, visited), n=4):  # doctest: +SKIP
...     learner.tell(visited[place], quantum.label(visited[place]))
>>> learner.refit()  # doctest: +SKIP
"""

from gapsample.learning.audits import (
    Audit,
    AuditedError,
    MissedFraction,
    audited_error,
    clopper_pearson,
    missed_fraction,
)
from gapsample.learning.budget import ErrorBudget
from gapsample.learning.campaign import Batch, Learned, Reason, Stop, learn
from gapsample.learning.conformal import Conformal, conformal, lowest_threshold, weighted_quantile
from gapsample.learning.domain import Guarded, novelty_limit
from gapsample.learning.generations import Generation, Generations
from gapsample.learning.labeling import Failure, Quantum, label_all
from gapsample.learning.learner import Learner
from gapsample.learning.noise import Residual, residual
from gapsample.learning.policy import Due, Policy
from gapsample.learning.selection import Candidate, Choice, choose, judge, predicted_errors

__all__ = [
    "Audit",
    "AuditedError",
    "Batch",
    "Candidate",
    "Choice",
    "Conformal",
    "Due",
    "ErrorBudget",
    "Failure",
    "Generation",
    "Generations",
    "Guarded",
    "Learned",
    "Learner",
    "MissedFraction",
    "Policy",
    "Quantum",
    "Reason",
    "Residual",
    "Stop",
    "audited_error",
    "choose",
    "clopper_pearson",
    "conformal",
    "judge",
    "label_all",
    "learn",
    "lowest_threshold",
    "missed_fraction",
    "novelty_limit",
    "predicted_errors",
    "residual",
    "weighted_quantile",
]
