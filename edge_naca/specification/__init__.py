"""The written arithmetic, executable: docs/arithmetic.md in numpy, a file for each subject.

It is written to be read beside that document, dense and in int64, on purpose unlike the
event-driven C: the two agree because the arithmetic is the same, not because the code is. `network`
holds the whole. The C core (firmware/core/src) and the ONNX graphs (`edge_naca.export.onnx_export`)
have files of about the same names.
"""
