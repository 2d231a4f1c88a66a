"""A class that is forgotten: in the core, beside what Python makes of it, and on a device."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from commands import failed, object_of
from hypothesis import given
from hypothesis import strategies as st
from serving import IMAGE, X, Y, connected, served, taught
from stage_networks import coded
from wire import SESSION, SIGNED, Wire, batch_body, samples

from edge_naca import image, presets
from edge_naca.core import Core, CoreError
from edge_naca.depth import deepened
from edge_naca.forgetting import forgotten
from edge_naca.host.link import RefusedError
from edge_naca.host.messages import Kind, Reason
from edge_naca.host.virtual import VirtualDevice
from edge_naca.network import Network
from edge_naca.presets import competitive

PLAIN = competitive(16, 3, 4)
NETWORKS = [PLAIN, SIGNED, competitive(16, 3, 4, weight_bits=4), competitive(16, 3, 5, drift=0.9)]


def learned_by(network: Network, count: int, seed: int = 0) -> Core:
    rng = np.random.default_rng(seed)
    core = Core(network)
    codes = rng.integers(0, 8, (count, network.inputs)).astype(np.uint8)
    labels = rng.integers(0, network.capacity, count)
    core.learn_many(codes + 2 * labels[:, None].astype(np.uint8), labels, "codes")
    return core


@given(st.sampled_from(NETWORKS), st.integers(0, 60), st.integers(0, 2), st.integers(0, 2**31))
def test_the_core_forgets_as_python_does(
    network: Network, count: int, label: int, seed: int
) -> None:
    """So it stays, whatever is learned afterwards: nothing that is derived is left behind."""
    core = learned_by(network, count, seed)
    expected = forgotten(network, core.state(), label)
    core.forget(label)
    assert core.state() == expected
    fresh = Core(network, expected)
    xs, ys = samples(9, seed)
    assert (core.learn_many(xs, ys, "codes") == fresh.learn_many(xs, ys, "codes")).all()
    assert core.state_hash() == fresh.state_hash()


def test_others_answer_as_before_and_the_class_no_more() -> None:
    core = learned_by(PLAIN, 90)
    rng = np.random.default_rng(1)
    x = rng.integers(0, 8, (200, 16)).astype(np.uint8) + (2 * rng.integers(0, 3, (200, 1))).astype(
        np.uint8
    )
    before = core.predict_many(x, "codes")
    core.forget(1)
    after = core.predict_many(x, "codes")
    assert set(before.tolist()) == {0, 1, 2}
    assert set(after.tolist()) == {0, 2}
    assert (before == after)[before != 1].mean() > 0.95  # priors are shared out anew
    assert core.seen()[1] == 0
    assert core.learned() == 90
    core.learn_many(x[before == 1], np.ones((before == 1).sum(), int), "codes")
    assert (core.predict_many(x[before == 1], "codes") == 1).mean() > 0.8


def test_two_hidden_populations_forget_both() -> None:
    network = deepened(PLAIN, 4)
    core = learned_by(network, 40)
    expected = forgotten(network, core.state(), 2)
    core.forget(2)
    assert core.state() == expected


def test_frozen_stages_stay() -> None:
    network = coded()
    core = Core(network)
    x = np.random.default_rng(1).integers(0, 17, (30, *network.preparation.shape)).astype(np.uint8)  # type: ignore[union-attr]
    core.learn_many(x, np.arange(30) % network.capacity)
    expected = forgotten(network, core.state(), 1)
    core.forget(1)
    assert core.state() == expected
    assert set(core.predict_many(x).tolist()) <= set(range(10)) - {1}


def test_what_cannot_be_forgotten_is_refused_and_changes_nothing() -> None:
    core = learned_by(PLAIN, 9)
    before = core.state_hash()
    with pytest.raises(ValueError, match="label"):
        core.forget(3)
    network = presets.paper(16, 3)
    paper = learned_by(network, 9)
    state = paper.state_hash()
    with pytest.raises(CoreError, match="NACA_ERR_NETWORK"):
        paper.forget(1)
    with pytest.raises(ValueError, match="class"):
        forgotten(network, paper.state(), 1)
    assert (core.state_hash(), paper.state_hash()) == (before, state)


# ---- on a device ----------------------------------------------------------------------------


def forget(wire: Wire, learned: int, label: int, session: int = 5) -> int:
    body = struct.pack("<IIH", session, learned, label)
    status = wire.ask(Kind.FORGET, body).status
    assert isinstance(status, int)
    return status


def test_on_the_wire() -> None:
    wire, core = Wire(), Core(PLAIN)
    xs, ys = samples(8)
    wire.want(Kind.LEARN_BATCH, batch_body(0, xs, ys.tolist()))
    core.learn_many(xs, ys, "codes")
    before = wire.hash()
    assert forget(wire, 7, 1) == Reason.GAP
    assert forget(wire, 8, 1, session=0) == Reason.OTHER_SESSION
    assert forget(wire, 8, 3) == Reason.CORE
    assert wire.hash() == before
    assert forget(wire, 8, 1) == 0
    core.forget(1)
    assert wire.hash() == (core.state_hash(), 8)
    assert wire.learn(8, xs[0], 1).status == Reason.OTHER_SESSION
    assert wire.ask(Kind.UNDO, struct.pack("<IIB", SESSION, 8, 0)).status == 0
    assert wire.hash() == before


def test_a_mark_holds_over_it() -> None:
    wire = Wire()
    xs, ys = samples(8)
    wire.want(Kind.LEARN_BATCH, batch_body(0, xs, ys.tolist()))
    before = wire.hash()
    assert wire.ask(Kind.UNDO, struct.pack("<IIB", SESSION, 8, 2)).status == 0
    assert forget(wire, 8, 1) == 0
    assert wire.ask(Kind.UNDO, struct.pack("<IIB", SESSION, 8, 1)).status == 0
    assert wire.hash() == before


def test_by_the_host() -> None:
    with connected(VirtualDevice(IMAGE).receive) as device:
        device.learn_many(X[:30], Y[:30])
        device.forget(2)
        core = taught(30)
        core.forget(2)
        device.learn_many(X[30:40], Y[30:40])
        core.learn_many(X[30:40], Y[30:40])
        assert device.hash_at() == (core.state_hash(), 40)
        with pytest.raises(ValueError, match="label"):
            device.forget(5)
    paper = image.encode(presets.paper(16, 3))
    with (
        connected(VirtualDevice(paper).receive) as device,
        pytest.raises(RefusedError, match="FORGET"),
    ):
        device.forget(1)


def test_by_command() -> None:
    network = competitive(16, 3, 4, metadata={"classes": ["good", "worn", "7"]})
    virtual = VirtualDevice(image.encode(network))
    core = Core(network)
    xs, ys = samples(20)
    core.learn_many(xs, ys, "codes")
    with connected(virtual.receive) as device:
        device.learn_many(xs, ys)
    with served(virtual.receive, "tcp") as port:
        told = object_of("forget", port, "worn", "--yes")
        core.forget(1)
        assert told["state_hash"] == f"{core.state_hash():08x}"
        assert "no class 'x': there are good, worn, 7" in failed(1, "forget", port, "x", "--yes")
        assert object_of("undo", port)["learned"] == 20
