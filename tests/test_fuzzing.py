"""The fuzzer finds nothing in a bounded number of runs (tests/fuzz/fuzz_image.c)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from strategies import networks, random_state
from support import run

from edge_naca import image
from edge_naca.network import Network

RUNS = 80_000
SEEDS = 400


def write_corpus(folder: Path) -> None:
    """Write small random images with random operations: where the fuzzer starts."""

    @seed(0)
    @settings(
        max_examples=SEEDS,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(networks(), st.integers(0, 2**32 - 1))
    def write(network: Network, number: int) -> None:
        rng = np.random.default_rng(number)
        encoded = image.encode(network, random_state(network, rng) if number % 2 else None)
        if len(encoded) < 8000:
            data = struct.pack("<H", len(encoded)) + encoded + rng.bytes(400)
            (folder / f"{number:08x}").write_bytes(data)

    write()


@pytest.mark.slow
def test_fuzzing_finds_nothing(build_preset: Callable[[str], Path], tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write_corpus(corpus)
    program = build_preset("fuzz") / "fuzz_image"
    said = run(program, f"-runs={RUNS}", "-seed=1", "-max_len=9000", corpus, cwd=tmp_path)
    assert f"Done {RUNS} runs" in said
    # Starting from valid images it gets deep into the core, not only to its refusals.
    coverage = re.findall(r"INITED cov: (\d+)", said)
    assert int(coverage[0]) > 300, said
