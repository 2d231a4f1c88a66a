"""The network as a scikit-learn classifier whose engine is the C core (`estimator`)."""
