"""The page of ``edge-naca watch``: figures, the server, and what a browser loads."""
