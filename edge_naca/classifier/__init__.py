"""The network as a scikit-learn classifier whose engine is the C core (`estimator`)."""

from edge_naca.extras import require

require("sklearn")
