"""From ONNX files to layers, and through `edge_naca.export.conversion` to frozen stages."""
