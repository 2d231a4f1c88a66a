"""From networks to ONNX: graphs of integer operators that predict and learn as the core does.

The files mirror docs/arithmetic.md, `edge_naca.specification` and firmware/core/src.
"""
