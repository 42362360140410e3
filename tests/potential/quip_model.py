"""Write pair and three-body terms as a GAP that QUIP can read, to ask it for a second opinion."""

from pathlib import Path

import numpy as np

from gapsample.potential.terms.angle import AngleTerm
from gapsample.potential.terms.distance import DistanceTerm


def distance_text(term: DistanceTerm) -> str:
    kind = term.kind
    text = (
        f"distance_2b cutoff={kind.cutoff} cutoff_transition_width={kind.transition_width} "
        f"Z1={kind.species[0]} Z2={kind.species[1]}"
    )
    if kind.tail_exponent:
        text += f" tail_range={kind.tail_range} tail_exponent={int(kind.tail_exponent)}"
    if kind.exponent != 1.0:
        text += f" n_exponents=1 exponents={{{int(kind.exponent)}}}"
    return text


def angle_text(term: AngleTerm) -> str:
    kind = term.kind
    return (
        f"angle_3b cutoff={kind.cutoff} cutoff_transition_width={kind.transition_width} "
        f"Z={kind.center} Z1={kind.species[0]} Z2={kind.species[1]}"
    )


def write_quip_model(folder: Path, parts: list[tuple[DistanceTerm | AngleTerm, np.ndarray]]) -> Path:
    """`parts` are terms with their weights; returns the XML file, its sparse points beside it."""
    blocks = []
    for number, (term, weights) in enumerate(parts, start=1):
        points = np.asarray(term.points).reshape(term.n_sparse, -1)
        name = f"gap.xml.sparseX.g{number}"
        np.savetxt(folder / name, points.reshape(-1, 1), fmt="%.20e")
        theta = np.broadcast_to(term.kind.theta, points.shape[1])
        text = distance_text(term) if isinstance(term, DistanceTerm) else angle_text(term)
        sparse = "".join(
            f'<sparseX i="{s}" alpha="{a:.17e}" sparseCutoff="{c:.17e}"/>\n'
            for s, (a, c) in enumerate(zip(weights, term.point_cutoffs, strict=True), start=1)
        )
        permutation = " ".join(str(d) for d in range(1, points.shape[1] + 1))
        blocks.append(
            f'<gpCoordinates label="g{number}" dimensions="{points.shape[1]}" '
            f'signal_variance="{term.kind.delta}" signal_mean="0.0" sparsified="T" n_permutations="1" '
            f'covariance_type="1" n_sparseX="{term.n_sparse}" sparseX_filename="{name}" sparseX_md5sum="">'
            f"<theta> {' '.join(f'{t:.17e}' for t in theta)} </theta>"
            f"<descriptor>{text}</descriptor>"
            f'<permutation i="1">{permutation} </permutation>\n{sparse}</gpCoordinates>\n'
        )
    e0 = "".join(f'<e0 Z="{z}" value="0.0"/>' for z in range(1, 119))
    path = folder / "gap.xml"
    path.write_text(
        '<g>\n<Potential label="g" init_args="IP GAP label=g"/>\n'
        f'<GAP_params label="g" gap_version="1769700636">\n<GAP_data do_core="F">{e0}</GAP_data>\n'
        f'<gpSparse label="g" n_coordinate="{len(parts)}" fitted="T">\n{"".join(blocks)}</gpSparse>\n'
        "</GAP_params>\n</g>\n"
    )
    return path
