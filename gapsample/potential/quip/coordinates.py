"""One descriptor of a QUIP model with its kernel and sparse points, as the file gives them.

What QUIP makes of the attributes was measured with quippy 0.10: ``signal_variance`` is delta, not its
square; ``signal_mean`` is f0, which a dot-product kernel ignores.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import FileFormatError
from gapsample.potential.quip.descriptor import Descriptor
from gapsample.potential.quip.xml import as_number, attribute
from gapsample.potential.terms.protocol import Term

Floats = NDArray[np.float64]
Weighted = tuple[Term, Floats]

ARD_SE, DOT_PRODUCT = "1", "2"  # values of covariance_type
COVARIANCES = {ARD_SE: "squared-exponential (1)", DOT_PRODUCT: "dot-product (2)"}


@dataclass(frozen=True, eq=False)
class Coordinates:
    """One ``<gpCoordinates>``.

    Attributes
    ----------
    element : its XML
    descriptor : its descriptor text, parsed
    gap_version : of the file; some defaults changed with it
    alpha, cutoffs, points : see `sparse_points`
    """

    element: Element
    descriptor: Descriptor
    gap_version: int
    alpha: Floats
    cutoffs: Floats
    points: Floats

    @property
    def delta(self) -> float:
        """Prior standard deviation, eV."""
        return as_number(attribute(self.element, "signal_variance"), "signal_variance")

    @property
    def f0(self) -> float:
        """Prior standard deviation of a constant, eV."""
        return as_number(self.element.get("signal_mean", "0"), "signal_mean")

    def theta(self) -> tuple[float, ...]:
        """Length scales, one for each dimension."""
        words = (self.element.findtext("theta") or "").split()
        wanted = self.points.shape[1]
        if len(words) != wanted:
            raise FileFormatError(
                f"{self.descriptor.name} needs {wanted} length scales in <theta>, got {len(words)}"
            )
        return tuple(as_number(word, "theta") for word in words)

    def check_kernel(self, covariance: str, dimensions: int) -> None:
        """Refuse a covariance or a number of dimensions that does not belong to the descriptor."""
        got = attribute(self.element, "covariance_type").strip()
        if got != covariance:
            raise FileFormatError(
                f"{self.descriptor.name} is supported with the {COVARIANCES[covariance]} covariance only, "
                f"got covariance_type={got[:20]}"
            )
        if self.points.shape[1] != dimensions:
            raise FileFormatError(
                f"{self.descriptor.name} as described has {dimensions} dimensions, its sparse points have "
                f"{self.points.shape[1]}; the XML is damaged"
            )
