"""What can go wrong, said with numbers: what was wanted, what was got, what to try."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class GapsampleError(Exception):
    """Root of every error this package raises on purpose."""


class InputError(GapsampleError, ValueError):
    """A configuration, label or array that cannot be used as it is."""


class SettingsError(GapsampleError, ValueError):
    """A recipe or config file that cannot be understood."""


class DatabaseError(GapsampleError):
    """The configuration database refuses, is unreachable, or holds nothing of what was asked."""


class FitError(GapsampleError):
    """The linear system of the Gaussian process cannot be solved as posed."""


class FileFormatError(GapsampleError, ValueError):
    """A file is truncated, hostile, or not what its name promises."""


class UnknownName(SettingsError):
    """A key or option nobody knows; the message names the near miss.

    Parameters
    ----------
    what : what kind of name it is, e.g. ``"recipe key"``
    got : the name that was given
    known : the names that would have been understood
    """

    def __init__(self, what: str, got: str, known: Iterable[str]) -> None:
        self.got, self.known = got, sorted(known)
        near = get_close_matches(got, self.known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.known)}"
        super().__init__(f"unknown {what} {got!r}; {hint}")


class UnknownSpecies(InputError):
    """Atoms of a species the model was never taught."""

    def __init__(self, got: Iterable[str], known: Iterable[str]) -> None:
        self.got, self.known = sorted(got), sorted(known)
        super().__init__(
            f"the model knows {', '.join(self.known)} but the configuration holds {', '.join(self.got)}; "
            "fit a model with labels of these species"
        )
