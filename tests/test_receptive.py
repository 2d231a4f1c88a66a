"""Weights turned into pictures show what the preparation would have seen."""

from __future__ import annotations

import numpy as np
import pytest

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.network import Network, Preparation
from edge_naca.plots.receptive import STROKE, pictures, strokes


def network(preparation: Preparation | None) -> Network:
    return presets.competitive(9 if preparation is None else preparation, 2, 2, bits=4)


def test_pixels_lie_where_they_were() -> None:
    weights = np.arange(24).reshape(2, 12)
    drawn = pictures(network(Preparation((3, 4, 1))), weights)
    assert drawn is not None
    np.testing.assert_array_equal(drawn, weights.reshape(2, 3, 4))
    drawn = pictures(network(Preparation((3, 4, 2))), np.ones((1, 24)))
    np.testing.assert_array_equal(drawn, np.full((1, 3, 4), 2))


def test_off_inputs_are_negative() -> None:
    weights = np.concatenate([np.eye(4), np.eye(4)[::-1]], axis=1)
    drawn = pictures(network(Preparation((2, 2, 1), signed=True)), weights)
    np.testing.assert_array_equal(drawn, (np.eye(4) - np.eye(4)[::-1]).reshape(4, 2, 2))


# Pictures with one edge, and where a stroke through the middle of a cell has to lie.
VERTICAL = np.repeat([[0, 0, 0, 0, 200, 200, 200, 200]], 8, axis=0)
RISING = np.add.outer(np.arange(8), np.arange(8)) > 7
MIDDLE = STROKE // 2
CASES = {
    "vertical": (VERTICAL, [(0, MIDDLE), (STROKE - 1, MIDDLE)]),
    "horizontal": (VERTICAL.T, [(MIDDLE, 0), (MIDDLE, STROKE - 1)]),
    "rising": (RISING * 200, [(STROKE - 1, 0), (0, STROKE - 1)]),
    "falling": (RISING[:, ::-1] * 200, [(0, 0), (STROKE - 1, STROKE - 1)]),
}


@pytest.mark.parametrize("name", CASES)
def test_edges_are_drawn_as_they_run(name: str) -> None:
    picture, ends = CASES[name]
    prep = Preparation((8, 8, 1), "edges", cell=8, cap=400, shift=6)
    core = Core(network(prep))
    codes = core.prepare_many(picture[None])
    shown = pictures(core.network, codes)
    assert shown is not None
    (drawn,) = shown
    assert drawn.shape == (STROKE, STROKE)
    assert drawn[MIDDLE, MIDDLE] == drawn.max() > 0
    dark = [drawn[end] for end in ends]
    corners = [drawn[0, 0], drawn[0, -1], drawn[-1, 0], drawn[-1, -1], drawn[0, MIDDLE]]
    corners += [drawn[-1, MIDDLE], drawn[MIDDLE, 0], drawn[MIDDLE, -1]]
    assert sorted(corners)[-2:] == sorted(dark)


def test_strokes_differ() -> None:
    flat = strokes().reshape(4, -1)
    assert flat.max() == 1
    assert np.linalg.matrix_rank(flat) == 4


@pytest.mark.parametrize("preparation", [None, Preparation((1, 9, 1)), Preparation((9, 1, 1))])
def test_what_is_no_image_has_no_picture(preparation: Preparation | None) -> None:
    assert pictures(network(preparation), np.ones((2, 9))) is None
