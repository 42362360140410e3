"""Connected pieces of a periodic graph, each unwrapped to one image per node, or found to wrap around."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Edges(NamedTuple):
    """Edges i -> j of a periodic graph, listed both ways.

    Attributes
    ----------
    i, j : shape (n_edges,), nodes
    shift : shape (n_edges, 3), cells between node j itself and its image that i is joined to
    """

    i: Integers
    j: Integers
    shift: Integers

    def where(self, chosen: Bools) -> Edges:
        """Some of the edges."""
        return Edges(self.i[chosen], self.j[chosen], self.shift[chosen])


class Pieces(NamedTuple):
    """Connected pieces, each laid out from its first node.

    Attributes
    ----------
    label : shape (n_nodes,), the piece of each node, 0 ... n_pieces - 1
    shift : shape (n_nodes, 3), cells by which each node is moved so that a piece hangs together
    wraps : shape (n_pieces, 3); along which cell vectors a piece is joined to its own images
    """

    label: Integers
    shift: Integers
    wraps: Bools


def joined(*parts: Edges) -> Edges:
    """All edges of the parts together."""
    return Edges(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def components(n_nodes: int, edges: Edges) -> Integers:
    """Label of the connected piece of each node, numbered by first node, shape (n_nodes,)."""
    ones = np.ones(len(edges.i), np.int8)
    graph = coo_array((ones, (edges.i, edges.j)), shape=(n_nodes, n_nodes))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def unwrapped(n_nodes: int, edges: Edges) -> Pieces:
    """Pieces of a graph, walked breadth-first from the first node of each."""
    label = components(n_nodes, edges)
    known = np.zeros(n_nodes, bool)
    known[np.unique(label, return_index=True)[1]] = True
    shift = followed(known, np.zeros((n_nodes, 3), np.int64), edges)
    wraps = np.zeros((int(label.max(initial=-1)) + 1, 3), bool)
    np.logical_or.at(wraps, label[edges.i], ~fits(shift, edges))
    return Pieces(label, shift, wraps)


def followed(known: Bools, shift: Integers, edges: Edges) -> Integers:
    """Shifts of all nodes that edges lead to, breadth-first from those whose shifts are known.

    The cost is the number of edges times the number of hops to the farthest node.

    Parameters
    ----------
    known : shape (n_nodes,)
    shift : shape (n_nodes, 3), of the known nodes; the others come to be
    """
    known, shift = known.copy(), shift.copy()
    i, j, step = edges
    while True:
        new = known[i] & ~known[j]
        if not new.any():
            return shift
        reached, first = np.unique(j[new], return_index=True)
        shift[reached] = (shift[i[new]] + step[new])[first]
        known[reached] = True
        ahead = ~known[j]
        i, j, step = i[ahead], j[ahead], step[ahead]


def fits(shift: Integers, edges: Edges) -> Bools:
    """Whether each edge joins its nodes where they were moved to, by cell vector, shape (n_edges, 3)."""
    return np.equal(shift[edges.j] - shift[edges.i], edges.shift)
