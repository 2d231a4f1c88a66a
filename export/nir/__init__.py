"""NIR: networks from other frameworks, through `edge_naca.export.conversion`, and back to them."""
