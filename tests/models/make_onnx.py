"""Make the small .onnx files of this folder with the exporters that people use.

In an environment of its own with torch 2.13.0 (CPU), onnx 1.23.2, onnxscript 0.7.2,
onnxruntime 1.32.0, skl2onnx 1.20.0 and scikit-learn 1.9.1:

    python tests/models/make_onnx.py

| file | exporter | what |
|---|---|---|
| digits_conv.onnx | torch.onnx.export (dynamo) | Conv, BatchNorm, ReLU, MaxPool, ReLU6, Gemm |
| digits_average.onnx | torch.onnx.export (TorchScript) | open batch, normalisation, AvgPool |
| digits_qdq.onnx | onnxruntime.quantization of digits_conv, QDQ, by channel | int8 weights |
| digits_qoperator.onnx | onnxruntime.quantization of digits_average, QOperator | int8 weights |
| digits_mlp.onnx | skl2onnx of StandardScaler and MLPClassifier | two outputs, Softmax |
| temporal.onnx | torch.onnx.export (dynamo) | Conv1d with groups and dilation |
| residual.onnx | torch.onnx.export (TorchScript) | what cannot be converted |

All but the last two are trained on the digits that ship with scikit-learn, pixels divided by 16.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quant_pre_process,
    quantize_static,
)
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

FOLDER = Path(__file__).parent


class Normalised(nn.Module):
    """Takes pixels 0 .. 16 and scales them itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Dropout(0.1), nn.Linear(64, 10), nn.Softmax(1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.body((x / 16 - 0.3) / 0.4)


class Residual(nn.Module):
    """Has a skip connection, a sigmoid and a padded average."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.end = nn.Linear(4 * 8 * 8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        x = x + torch.sigmoid(self.second(x))
        x = nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return self.end(x.flatten(1))


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return data.images.astype(np.float32)[:, None], data.target


def train(net: nn.Module, x: np.ndarray, y: np.ndarray, is_probability: bool) -> None:
    """Train on the first four fifths, as the rest is tested on."""
    cut = len(y) * 4 // 5
    images, labels = torch.tensor(x[:cut]), torch.tensor(y[:cut])
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    net.train()
    for _ in range(40):
        for part in torch.randperm(cut).split(64):
            out = net(images[part])
            scores = torch.log(out + 1e-9) if is_probability else out.log_softmax(1)
            loss = nn.functional.nll_loss(scores, labels[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    net.eval()


def export(net: nn.Module, shape: tuple[int, ...], name: str, dynamo: bool, **more: object) -> None:
    path = FOLDER / name
    if dynamo:
        more["external_data"] = False
    torch.onnx.export(net, (torch.zeros(shape),), path, input_names=["image"], dynamo=dynamo,
                      verbose=False, **more)  # fmt: skip
    shorten(path)


def shorten(path: Path) -> None:
    """Leave out where the exporter was in its own code: it is most of a small file."""
    model = onnx.load(path)
    for thing in (*model.graph.node, *model.graph.value_info, *model.graph.input,
                  *model.graph.output):  # fmt: skip
        del thing.metadata_props[:]
        thing.doc_string = ""
    onnx.save(model, path)


class Reader(CalibrationDataReader):
    """Hands out samples for quantisation."""

    def __init__(self, x: np.ndarray) -> None:
        self._rest = iter(x)

    def get_next(self) -> dict[str, np.ndarray] | None:
        x = next(self._rest, None)
        return None if x is None else {"image": x[None]}


def quantise(source: str, target: str, x: np.ndarray, form: QuantFormat, channel: bool) -> None:
    before = FOLDER / "before.onnx"
    quant_pre_process(FOLDER / source, before, skip_symbolic_shape=True)
    quantize_static(before, FOLDER / target, Reader(x), quant_format=form, per_channel=channel,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)  # fmt: skip
    before.unlink()
    shorten(FOLDER / target)


def main() -> None:
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y = digits()
    conv = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU6(), nn.Flatten(),
        nn.Linear(256, 10),
    )  # fmt: skip
    train(conv, x / 16, y, False)
    export(conv, (1, 1, 8, 8), "digits_conv.onnx", True)
    average = Normalised()
    train(average, x, y, True)
    export(average, (1, 1, 8, 8), "digits_average.onnx", False,
           dynamic_axes={"image": {0: "batch"}})  # fmt: skip
    quantise("digits_conv.onnx", "digits_qdq.onnx", x[:200] / 16, QuantFormat.QDQ, True)
    quantise("digits_average.onnx", "digits_qoperator.onnx", x[:200], QuantFormat.QOperator, False)
    cut = len(y) * 4 // 5
    mlp = make_pipeline(
        StandardScaler(), MLPClassifier((32,), max_iter=300, random_state=0, alpha=1e-2)
    )
    flat = x.reshape(len(x), -1)
    mlp.fit(flat[:cut], y[:cut])
    model = to_onnx(mlp, flat[:1], options={"zipmap": False})
    onnx.save(model, FOLDER / "digits_mlp.onnx")
    temporal = nn.Sequential(
        nn.Conv1d(4, 8, 5, stride=2, padding=2, groups=2), nn.ReLU(),
        nn.Conv1d(8, 8, 3, dilation=2), nn.ReLU(), nn.AvgPool1d(2), nn.Flatten(1),
        nn.Linear(48, 6), nn.ReLU(),
    )  # fmt: skip
    export(temporal.eval(), (1, 4, 32), "temporal.onnx", True)
    export(Residual().eval(), (1, 1, 8, 8), "residual.onnx", False)
    for path in sorted(FOLDER.glob("*.onnx")):
        print(
            path.name, path.stat().st_size, sorted({n.op_type for n in onnx.load(path).graph.node})
        )


if __name__ == "__main__":
    main()
