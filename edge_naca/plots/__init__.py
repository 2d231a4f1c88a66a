"""Figures: of what happened (`figures`), of what was learned (`states`), of stages (`stages`)."""

from edge_naca.extras import require

require("matplotlib")
