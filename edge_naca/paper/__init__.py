"""The networks of the paper that edge-naca grew out of, in real numbers and plain numpy.

Zhang, Cheng, Jia, Li, Poo, Xu, *A brain-inspired algorithm that mitigates catastrophic forgetting
of artificial and spiking neural networks with low computational cost*, Science Advances 9 (34),
eadi2947, 2023. They are here to be read and measured (benchmarks/paper_networks.py), not to be run
on a device; `edge_naca.presets.paper` is the same rule in the integers of the core.

`neurons` has the leaky and the graded neuron, each with its local term; `network` the input's rate
code, its gating, and the update; `optimisers` SGD and Adam; `continual` the published course, one
class after another; `evaluation` the ways to feed a network whose gating depends on the batch.
Expectation, neuromodulator levels and the modulation curve are those of `edge_naca.expectation`.
"""
