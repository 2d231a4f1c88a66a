"""NIR nodes of neurons as layers: from continuous time to steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_naca.export.conversion.layers import Float, Layer, Neurons
from edge_naca.export.nir.graph import Node
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.parameters import Arriving, NodeError, each


def _leak(node: Node, name: str, arriving: Arriving, options: NirOptions) -> tuple[Float, Float]:
    """Return how much a step keeps, and the share of an input that it takes in."""
    tau = each(node, name, arriving)
    assert options.dt is not None
    if (tau <= 0).any():
        raise NodeError(f"its {name} holds {tau.min():g}", "time constants must be above 0")
    steps = options.dt / tau
    if options.method == "exact":
        return np.exp(-steps), -np.expm1(-steps)
    if (steps > 1 + 1e-6).any():
        raise NodeError(
            f"its {name} holds {tau.min():g}, less than the time step dt = {options.dt:g}",
            "say the dt that the exporter wrote time constants with",
        )
    share = np.minimum(steps, 1.0)
    return 1 - share, share


def _membrane(
    node: Node, name: str, arriving: Arriving, options: NirOptions
) -> tuple[Float, Float]:
    """Return decay and gain of a leaky membrane."""
    decay, share = _leak(node, name, arriving, options)
    r = each(node, "r", arriving)
    if not np.isfinite(r).all():
        # A leak of 0 is written as infinite tau and r; their quotient, which counts, is lost.
        if options.exporter == "snntorch" and (np.isinf(r) == (decay == 1)).all():
            return decay, np.where(np.isinf(r), 1.0, share * np.where(np.isinf(r), 0.0, r))
        raise NodeError(
            "its r holds infinity: neurons without leak were written as leaky ones",
            "name the exporter if it was snnTorch, or export a leak above 0",
        )
    if options.exporter == "rockpool":
        return decay, _rockpool_gain(node, each(node, name, arriving), r, options)
    return decay, np.asarray(share * r)


def _rockpool_gain(node: Node, tau: Float, r: Float, options: NirOptions) -> Float:
    """Return what an input adds to a membrane of Rockpool, and check that dt is the file's.

    It writes r = τ · exp(−dt / τ) / dt. In a readout an input does arrive times exp(−dt / τ), in
    neurons that spike undiminished.
    """
    assert options.dt is not None
    steps = options.dt / tau
    arrives = np.asarray(r * steps)
    if not np.allclose(arrives, np.exp(-steps), rtol=1e-3):
        raise NodeError(
            f"its r and time constants are not those that Rockpool writes for dt = {options.dt:g}",
            "say the dt that the modules were made with",
        )
    return arrives if node.kind == "LI" else np.ones_like(arrives)


def _rest(node: Node, arriving: Arriving) -> Float:
    """Return the potential at rest, from which potentials are counted here."""
    leak = each(node, "v_leak", arriving, 0.0)
    reset = each(node, "v_reset", arriving, 0.0)
    if node.kind == "IF":
        return reset
    # NIR reads a v_reset that is not there as 0.
    if not np.allclose(leak, reset, rtol=1e-6, atol=1e-9):
        said = (
            "" if node.parameters.get("v_reset") is not None else ", which is 0 as none is given,"
        )
        raise NodeError(
            f"its v_reset{said} differs from its v_leak: a spike here resets to rest",
            "train with v_reset equal to v_leak, and export both",
        )
    return leak


def _thresholds(
    node: Node, name: str, arriving: Arriving, rest: Float, options: NirOptions
) -> Float:
    threshold = np.asarray(each(node, name, arriving) - rest)
    if not np.isfinite(threshold).all():
        raise NodeError(f"its {name} holds infinity", "export it with finite thresholds")
    # Above the next smaller number is to have reached this one.
    return np.nextafter(threshold, -np.inf) if options.fires == "reached" else threshold


def _spiking(
    node: Node, arriving: Arriving, options: NirOptions, common: dict[str, Any]
) -> Neurons:
    """Return neurons that spike and are reset, given what all neurons have."""
    rest = _rest(node, arriving)
    threshold = _thresholds(node, "v_threshold", arriving, rest, options)
    if options.reset == "zero":
        # snnTorch clears what a Synaptic holds at the next step, with all that this step brought.
        held = 1 if options.exporter == "snntorch" and node.kind == "CubaLIF" else 0
        return Neurons(
            **common,
            threshold=threshold,
            reset="zero",
            reset_by=np.array(0.0),
            refractory=max(options.refractory, held),
        )
    by = np.asarray(each(node, "v_threshold", arriving) - rest)
    if (by < 0).any():
        raise NodeError(
            "a threshold below rest cannot be subtracted", "train with thresholds above rest"
        )
    if options.delayed and (common["decay"] == 0).any():
        raise NodeError(
            "its potential leaks away within a step, so that nothing can be taken from it later",
            "train with a leak below 1, or with reset to zero",
        )
    delayed = bool(options.delayed)
    return Neurons(**common, threshold=threshold, reset="subtract", reset_by=by, delayed=delayed)


def read_neurons(node: Node, arriving: Arriving, options: NirOptions) -> tuple[Layer, Arriving]:
    """Return a node's neurons as a layer, and what comes out of it.

    Raises
    ------
    NodeError
        If its parameters cannot be converted; it says what to do.
    """
    kind = node.kind
    synapse: Float | None = None
    if kind in ("IF", "I"):
        dt = options.if_dt if options.if_dt is not None else options.dt
        assert dt is not None
        decay, gain = np.array(1.0), np.asarray(dt * each(node, "r", arriving))
    elif kind == "Threshold":
        decay, gain = np.array(0.0), np.array(1.0)
    else:
        name = "tau_mem" if kind.startswith("Cuba") else "tau"
        decay, gain = _membrane(node, name, arriving, options)
    if kind.startswith("Cuba"):
        synapse, share = _leak(node, "tau_syn", arriving, options)
        gain = gain * each(node, "w_in", arriving, 1.0)
        if options.synapse != "jump":
            gain = gain * (share if options.synapse == "filter" else synapse)
    if not np.isfinite(gain).all():
        raise NodeError("its r or w_in holds infinity", "export it with finite numbers")
    shape = arriving.shape
    common: dict[str, Any] = {
        "name": node.name,
        "input_shape": shape,
        "output_shape": shape,
        "decay": decay,
        "gain": np.asarray(gain),
        "offset": np.array(0.0),
        "synapse_decay": synapse,
    }
    nothing = np.array(0.0)
    if kind in ("LI", "CubaLI", "I"):
        if kind != "I" and len(np.unique(each(node, "v_leak", arriving, 0.0))) > 1:
            raise NodeError(
                "its v_leak differs from neuron to neuron, so that their potentials cannot be "
                "compared with each other as they are",
                "train with one v_leak for all",
            )
        return Neurons(**common, threshold=nothing, reset="none", reset_by=nothing), arriving
    if kind == "Threshold":
        threshold = _thresholds(node, "threshold", arriving, nothing, options)
        return Neurons(**common, threshold=threshold, reset="zero", reset_by=nothing), arriving
    return _spiking(node, arriving, options, common), arriving
