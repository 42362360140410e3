"""Training and test configurations, told apart once and for ever."""

from __future__ import annotations

from typing import Literal

Side = Literal["train", "test"]

TEST_FRACTION = 0.1
"""Share of configurations held out for testing. Changing it would re-deal every database."""


def split_of(fingerprint: str, n_atoms: int) -> Side:
    """The side a configuration is on, decided by its fingerprint.

    It never changes as data grow, and one configuration labeled at two levels of theory is on one side.
    Single atoms always train: they carry the energy that all others are measured from.
    """
    if n_atoms == 1:
        return "train"
    share = int(fingerprint.removeprefix("cfg-")[:8], 16) / 2**32
    return "test" if share < TEST_FRACTION else "train"
