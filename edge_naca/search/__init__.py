"""Finding by measurement which features and which network suit recordings, and fit a board."""
