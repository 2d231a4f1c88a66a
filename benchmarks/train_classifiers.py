"""Train two small classifiers with batch normalisation, and export them to ONNX as they are.

`ds-cnn` is a depthwise separable network as for keywords (Zhang, Suda, Lai, Chandra, "Hello Edge",
arXiv:1711.07128), on Fashion-MNIST; `cnn` has two convolutions, on MNIST. Both take pixels / 255,
and their normalisation stays in the files as nodes of its own.

Needs torch, numpy and onnx in an environment of its own, and EDGE_NACA_DATA:

    python benchmarks/train_classifiers.py --network ds-cnn --output benchmarks/ds_cnn.onnx
    python benchmarks/train_classifiers.py --network cnn --output benchmarks/cnn.onnx
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

BATCH, LEARNING_RATE = 128, 2e-3
DATA = {"ds-cnn": "fashion_mnist", "cnn": "mnist"}


def normalised(convolution: nn.Conv2d) -> list[nn.Module]:
    """Return a convolution with what follows it."""
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()]


def ds_cnn(width: int = 32, blocks: int = 3) -> nn.Sequential:
    """Return a depthwise separable network: 28 × 28 pixels to 10 scores."""
    layers = normalised(nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False))
    for _ in range(blocks):
        layers += normalised(nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False))
        layers += normalised(nn.Conv2d(width, width, 1, bias=False))
    return nn.Sequential(*layers, nn.AvgPool2d(14), nn.Flatten(), nn.Linear(width, 10))


def cnn() -> nn.Sequential:
    """Return a network of two convolutions: 28 × 28 pixels to 10 scores."""
    return nn.Sequential(
        *normalised(nn.Conv2d(1, 8, 3, padding=1)), nn.MaxPool2d(2),
        *normalised(nn.Conv2d(8, 16, 3, padding=1)), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 7 * 7, 10),
    )  # fmt: skip


NETWORKS = {"ds-cnn": ds_cnn, "cnn": cnn}


def train(net: nn.Sequential, x: Tensor, y: Tensor, epochs: int) -> None:
    """Train on images 0 .. 1 that are moved by up to a pixel."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    batches = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 4 * LEARNING_RATE, total_steps=epochs * batches
    )
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(x))[: batches * BATCH].view(batches, BATCH):
            moved = torch.roll(x[chosen], tuple(torch.randint(-1, 2, (2,)).tolist()), (2, 3))
            loss = functional.cross_entropy(net(moved), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / batches:.3f}", flush=True)


def exported(net: nn.Sequential, about: str) -> onnx.ModelProto:
    """Return a network as a file, one node for each layer: no exporter folds any of them."""
    nodes, constants, before = [], [], "pixels"

    def parameter(name: str, value: Tensor) -> str:
        constants.append(numpy_helper.from_array(value.detach().numpy(), name))
        return name

    for number, layer in enumerate(net):
        name, after = f"{type(layer).__name__.lower()}{number}", f"t{number}"
        inputs, attributes, kind = [before], {}, type(layer).__name__
        if isinstance(layer, nn.Conv2d):
            kind = "Conv"
            attributes = {"pads": [*layer.padding, *layer.padding], "strides": [*layer.stride],
                          "group": layer.groups}  # fmt: skip
        elif isinstance(layer, nn.BatchNorm2d):
            kind, attributes = "BatchNormalization", {"epsilon": layer.eps}
        elif isinstance(layer, nn.ReLU):
            kind = "Relu"
        elif isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)):
            kind = kind.removesuffix("2d")
            kind = kind.replace("AvgPool", "AveragePool")
            side = int(layer.kernel_size)
            attributes = {"kernel_shape": [side, side], "strides": [side, side]}
        elif isinstance(layer, nn.Linear):
            kind, attributes = "Gemm", {"transB": 1}
        inputs += [
            parameter(f"{name}.{key}", value)
            for key, value in layer.state_dict().items()
            if value.dtype == torch.float32
        ]
        nodes.append(helper.make_node(kind, inputs, [after], name=name, **attributes))
        before = after
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info(before, onnx.TensorProto.FLOAT, ["batch", 10])],
        constants,
        doc_string=about,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)  # the same sums in the same order on any number of processors
    name = DATA[arguments.network]
    data = np.load(Path(os.environ["EDGE_NACA_DATA"]) / f"{name}.npz")
    x = torch.tensor(data["x_train"]).float().unsqueeze(1) / 255
    net = NETWORKS[arguments.network]()
    train(net, x, torch.tensor(data["y_train"]).long(), arguments.epochs)
    net.eval()
    about = (
        f"trained on {name} by benchmarks/train_classifiers.py --network {arguments.network} "
        f"--epochs {arguments.epochs} --seed {arguments.seed}, torch {torch.__version__}"
    )
    model = exported(net, about)
    onnx.checker.check_model(model)
    arguments.output.write_bytes(model.SerializeToString())
    print(about)


if __name__ == "__main__":
    main()
