"""A device as a scikit-learn estimator (`estimator`)."""

from edge_naca.extras import require

require("sklearn")
