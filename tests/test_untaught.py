"""Images that have learned nothing, and streams of what was learned already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from commands import done, failed, object_of

from edge_naca import image
from edge_naca.core import Core
from edge_naca.export import load_image

OPTIONS = ("--max-kib", 6, "--capacity", 4, "--seed", 3)
SEEN = "was taught with t already"


def table(path: Path, seed: int = 0) -> Path:
    random = np.random.default_rng(seed)
    rows = [
        f"{a:.3f},{b:.3f},{'xyz'[k]}" for k in range(3) for a, b in random.normal(k, 0.1, (20, 2))
    ]
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    return path


def test_an_untaught_image_is_the_taught_one_before_its_first_sample(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv")
    new, taught = tmp_path / "new.naca", tmp_path / "taught.naca"
    result = object_of("train", data, "--untaught", *OPTIONS, "-o", new)
    assert (result["samples"], result["capacity"]) == (0, 4)
    assert result["image_bytes"] == new.stat().st_size
    done("train", data, *OPTIONS, "-o", taught)
    network, state = image.decode(new.read_bytes())
    full = load_image(taught)
    assert state is None
    assert Core(network).network_id == full.network_id
    for key in ("classes", "columns", "scaler"):
        assert network.metadata.get(key) == full.network.metadata.get(key)
    assert result["state_bytes"] == len(full.state())
    done("train", data, "--continue", new, "-o", tmp_path / "then.naca", "--seed", 3)
    assert load_image(tmp_path / "then.naca").state_hash() == full.state_hash()


def test_untaught_says_what_it_is(tmp_path: Path) -> None:
    data, new = table(tmp_path / "t.csv"), tmp_path / "new.naca"
    text = done("train", data, "--untaught", *OPTIONS, "-o", new)
    assert "nothing learned yet, room for 4 classes" in text
    seen = object_of("inspect", new)
    assert (seen["learned_samples"], seen["training"]) == (0, [])
    assert "--untaught" in seen["prepared"]["command"]
    assert "made by: edge-naca train" in done("inspect", new)
    words = ["train", data, "--untaught", "-o", tmp_path / "x.naca"]
    assert "nothing to --continue" in failed(2, *words, "--continue", new)
    assert "or to --plot" in failed(2, *words, "--plot", tmp_path / "p.png")


def test_stream_says_what_was_learned_before(tmp_path: Path) -> None:
    data, other = table(tmp_path / "t.csv"), tmp_path / "other"
    other.mkdir()
    fresh = table(other / "t.csv", seed=1)
    new, taught = tmp_path / "new.naca", tmp_path / "taught.naca"
    done("train", data, "--untaught", *OPTIONS, "-o", new)
    done("train", data, *OPTIONS, "-o", taught)
    for path, samples, is_seen in (
        (new, data, False),
        (taught, data, True),
        (taught, fresh, False),
    ):
        words = ["stream", "--port", f"emulate:{path}", "--data", samples]
        assert (SEEN in done(*words)) == is_seen
        assert object_of(*words)["learned_before"] == is_seen
        assert object_of(*words, "--predict")["learned_before"] == is_seen
