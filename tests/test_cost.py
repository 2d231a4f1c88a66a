"""The report on size and cost: what fits, what it takes, and what that rests on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import stage_networks
from numpy.typing import NDArray

from edge_naca import data, presets, recipes
from edge_naca.core import Core
from edge_naca.export.cost.processors import MEASURED_ON
from edge_naca.export.cost.report import (
    MOST_SAMPLES,
    Work,
    activity_of,
    assumed_activity,
    cores,
    cost_report,
    find_core,
)
from edge_naca.export.cost.targets import TARGETS
from edge_naca.host.boards import BOARDS
from edge_naca.image import unpack_state
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Network, Preparation

Array = NDArray[Any]

DIGITS = data.load("digits")


def count(work: Work | None) -> float:
    assert work is not None
    assert work.count is not None
    return work.count


def seconds(work: Work) -> float:
    assert work.seconds is not None
    return work.seconds


@pytest.fixture(scope="module")
def core() -> Core:
    core = Core(recipes.network_for(DIGITS, max_kib=8))
    core.learn_many(DIGITS.x_train, DIGITS.y_train)
    return core


def test_every_board_can_be_reckoned_with(core: Core) -> None:
    activity = assumed_activity(core)
    for name, target in TARGETS.items():
        found = cost_report(core, name, activity)
        processor = target.processor
        assert found.flash["image"] == len(core.image())
        assert found.ram["workspace"] == core.workspace_size
        assert target.flash is not None
        assert target.ram is not None
        assert found.flash_left == target.flash - sum(found.flash.values())
        assert found.ram_left == target.ram - sum(found.ram.values())
        assert ("image" in found.ram) == processor.image_in_ram
        assert json.loads(json.dumps(found.to_json()))["board"] == name
        if processor.core is None:
            assert found.infer == found.learn == Work(None, None, None)
            assert found.fits is None
            assert set(found.flash) == {"image"}
            assert (found.largest_error, found.cycles_per_instruction) == (None, None)
            continue
        assert found.fits == (found.flash_left >= 0 and found.ram_left >= 0)
        assert 0 < count(found.infer) < count(found.learn)
        assert found.cycles_source
        if target.clock is None:
            assert found.infer.seconds is found.infer.joules is None
            continue
        assert found.cycles_per_instruction is not None
        cycles = count(found.infer) * found.cycles_per_instruction
        assert seconds(found.infer) == pytest.approx(cycles / target.clock)
    assert cost_report(core, "arduino-uno", activity).fits is False
    assert cost_report(core, "nucleo-f446re", activity).fits is True


def test_too_much_for_a_processor_that_was_not_measured_does_not_fit(core: Core) -> None:
    """Whatever the firmware takes: the image or the workspace alone is too large."""
    target = replace(TARGETS["esp32-devkitc"], ram=core.workspace_size - 1)
    found = cost_report(core, target, assumed_activity(core))
    assert (found.ram_left, found.fits) == (-1, False)
    unknown = replace(TARGETS["nucleo-f446re"], flash=None)
    found = cost_report(core, unknown, assumed_activity(core))
    assert (found.flash_left, found.fits) == (None, None)


def test_energy_is_current_times_voltage_times_time(core: Core) -> None:
    activity = assumed_activity(core)
    for name, target in TARGETS.items():
        found = cost_report(core, name, activity)
        if target.current is None:
            assert found.infer.joules is None
            continue
        assert target.clock is not None
        amperes = target.current.microamperes_per_mhz * 1e-12 * target.clock
        watts = amperes * target.current.volts
        assert 1e-3 < watts < 1  # a microcontroller
        assert found.learn.joules == pytest.approx(seconds(found.learn) * watts)


def test_the_model_is_about_what_exists() -> None:
    assert set(MEASURED_ON) == set(cores())
    assert set(MEASURED_ON.values()) <= set(BOARDS)
    for name in cores():
        model = find_core(name)
        assert all(value > 0 for value in model.coefficients.values())
        assert 0 <= model.largest_error < 0.1
        assert 1 <= model.cycles_per_instruction < 2
        assert set(model.core_flash) == {
            "core",
            "shared",
            "coded",
            "spiking",
            "inhibition",
            "signal",
        }
        assert min(model.core_flash.values()) > 500
        assert sum(model.core_flash.values()) < model.firmware_flash


def test_its_own_neurons_stand_for_samples(core: Core) -> None:
    real = activity_of(core, DIGITS.x_test, DIGITS.y_test, "digits")
    assert real.samples == MOST_SAMPLES
    assumed = assumed_activity(core)
    assert "of the network's own neurons" in assumed.source
    for name in ("microbit", "nucleo-f446re"):
        expected, found = (cost_report(core, name, one) for one in (real, assumed))
        assert count(found.infer) == pytest.approx(count(expected.infer), rel=0.1)
        assert count(found.learn) == pytest.approx(count(expected.learn), rel=0.1)


def test_looking_at_samples_teaches_nothing(core: Core) -> None:
    before = core.state()
    activity_of(core, DIGITS.x_test[:5], DIGITS.y_test[:5], "digits")
    assumed_activity(core)
    assert core.state() == before


@pytest.mark.parametrize(
    "network",
    [
        presets.competitive(12, 3, 2),
        presets.paper(12, 3, 8, steps=5),
        presets.paper(Preparation((3, 4, 1)), 3, 8, steps=5),
    ],
    ids=["new", "paper", "paper, raw"],
)
def test_networks_that_know_nothing_get_random_codes(network: Network) -> None:
    core = Core(network)
    activity = assumed_activity(core)
    assert activity.source.startswith("assumed: random codes")
    is_raw = core.network.preparation is not None
    assert ("preparation" in activity.infer) == is_raw
    assert ("code taken over" in activity.infer) != is_raw
    assert activity.infer["input spike"] > 0
    assert count(cost_report(core, "microbit", activity).infer) > 1000


def test_codes_with_one_quarter_of_their_bits_set() -> None:
    core = Core(presets.competitive(400, 2, 1, bits=3))
    spikes = assumed_activity(core).infer["input spike"]
    assert spikes == pytest.approx(400 * 3 / 4, rel=0.05)


def test_counts_from_an_emulator_take_the_model_s_place(core: Core) -> None:
    activity = assumed_activity(core)
    found = cost_report(core, "microbit", activity, (1000.0, 1500.0))
    assert found.measured
    assert (count(found.infer), count(found.learn)) == (1000.0, 1500.0)
    assert not cost_report(core, "microbit", activity).measured


def test_larger_networks_take_more() -> None:
    counts = []
    for neurons in (2, 8):
        core = Core(recipes.network_for(DIGITS, neurons_per_class=neurons))
        core.learn_many(DIGITS.x_train[:200], DIGITS.y_train[:200])
        activity = activity_of(core, DIGITS.x_test[:10], DIGITS.y_test[:10], "digits")
        counts.append(cost_report(core, "lm3s6965", activity))
    small, large = counts
    assert count(small.infer) < count(large.infer)
    assert count(small.learn) < count(large.learn)
    each = [seconds(one.learn) / count(one.learn) for one in counts]
    assert each[0] == pytest.approx(each[1])


STAGED = {
    "coded": stage_networks.coded(),
    "spiking": stage_networks.spiking(),
    "classifier": stage_networks.classifier(readout=False),
    "readout": stage_networks.classifier(readout=True),
}


@pytest.mark.parametrize("network", STAGED.values(), ids=STAGED)
def test_networks_with_stages_get_random_codes(network: Network) -> None:
    core = Core(network)
    activity = assumed_activity(core)
    assert activity.source.startswith("assumed: random codes")
    assert "preparation" in activity.infer
    active = activity.infer.get("code under a kernel is not 0", 0.0)
    if network.coded:  # 6 bits each of which is 1 with a probability of 1/4
        share = active / activity.infer["code under a kernel"]
        assert share == pytest.approx(1 - 0.75**6, rel=0.05)
    else:
        assert activity.infer["weight added, spiking"] > 1000
    found = cost_report(core, "nucleo-f446re", activity)
    assert count(found.infer) > 10000
    assert count(found.learn) > count(found.infer)


def test_flash_is_that_of_the_stages_an_image_has(core: Core) -> None:
    activity = assumed_activity(core)
    parts = find_core("cortex-m4").core_flash
    plain = cost_report(core, "nucleo-f446re", activity)
    assert plain.needed == {"image": len(core.image()), "core": parts["core"]}
    assert sum(plain.flash.values()) == len(core.image()) + find_core("cortex-m4").firmware_flash
    assert plain.flash["stages"] == parts["shared"] + parts["coded"] + parts["spiking"]
    assert plain.flash["inhibition"] == parts["inhibition"]
    for name, family in (("coded", "coded"), ("spiking", "spiking"), ("readout", "spiking")):
        staged = cost_report(Core(STAGED[name]), "nucleo-f446re", activity)
        assert staged.needed["stages"] == parts["shared"] + parts[family]
        assert staged.flash["stages"] == plain.flash["stages"]  # for images to come


# ---- codes with a sign, and inhibitions ----------------------------------------------------------


def inhibited(inputs: int, first: int = 50, every: int = 50) -> Network:
    """Return a network that learns an inhibition."""
    inhibition = Inhibition(inputs, 6, first=first, every=every)
    return presets.competitive(inputs, 4, 2, inhibition=inhibition)


def correlated(network: Network, count: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    mixing = rng.normal(0, 9, (3, network.inputs))
    x = rng.normal(size=(count, 3)) @ mixing + rng.normal(0, 5, (count, network.inputs))
    return np.clip(np.rint(x), -63, 63).astype(np.int8), np.arange(count) % network.capacity


def test_ram_of_an_inhibition_is_told_apart() -> None:
    inputs, neurons = 40, 8
    core = Core(inhibited(inputs))
    found = cost_report(core, "microbit", assumed_activity(core))
    assert found.ram["workspace"] + found.ram["inhibition"] == core.workspace_size
    # The factor in 16 bits, V in 8, prototypes; what is left are shifts, centre, scratch, codes.
    main = 3 * triangle(inputs) + 2 * neurons * inputs
    assert 0 < found.ram["inhibition"] - main < 16 * inputs + 120
    plain = cost_report(Core(presets.competitive(inputs, 4, 2)), "microbit", assumed_activity(core))
    assert "inhibition" not in plain.ram
    assert "inhibition" not in plain.needed
    parts = find_core("cortex-m0").core_flash
    assert found.needed["inhibition"] == parts["shared"] + parts["inhibition"]


def test_renewals_are_spread_over_the_samples_between_them() -> None:
    learned, renewals, counts = {}, {}, {}
    for every in (5, 50):
        core = Core(inhibited(30, first=20, every=every))
        x, labels = correlated(core.network, 120)
        core.learn_many(x, labels)
        activity = activity_of(core, x, labels, "samples")
        found = cost_report(core, "nucleo-f446re", activity)
        assert found.renewal is not None
        assert found.renewal_every == every
        learned[every], renewals[every] = count(found.learn), count(found.renewal)
        counts[every] = activity.learn
    # A renewal takes more than learning a sample; ten times as many make ten times the share.
    assert renewals[5] == renewals[50] > learned[50]
    assert learned[5] - learned[50] == pytest.approx(renewals[5] * (1 / 5 - 1 / 50), rel=0.1)
    ratio = counts[5]["row narrowed"] / counts[50]["row narrowed"]
    assert ratio == pytest.approx(10)
    json.dumps(found.to_json())


def test_renewals_at_each_doubling_grow_rare() -> None:
    core = Core(inhibited(12, first=20, every=0))
    assert cost_report(core, "microbit", assumed_activity(core)).renewal_every == 20
    core.learn_many(*correlated(core.network, 120))
    assert cost_report(core, "microbit", assumed_activity(core)).renewal_every == 120


def test_v_that_is_not_in_use_yet_is_reckoned_with_as_if_it_were() -> None:
    new, taught = Core(inhibited(30)), Core(inhibited(30))
    taught.learn_many(*correlated(taught.network, 200))
    before = new.state()
    activities = [assumed_activity(new), assumed_activity(taught)]
    assert new.state() == before
    assert "random codes" in activities[0].source
    assert "own neurons" in activities[1].source
    for activity in activities:
        assert activity.infer["synapse of V"] == triangle(30)
        assert activity.learn["synapse of the factor"] == pytest.approx(triangle(30), rel=0.2)
        assert "code passed on" not in activity.infer


def test_a_given_inhibition_is_in_use_and_never_renewed() -> None:
    learned = Core(inhibited(30))
    learned.learn_many(*correlated(learned.network, 100))
    state = unpack_state(learned.network, learned.state()).inhibition
    assert state is not None
    given = Inhibition(30, 6, state.weights, state.row_shifts, state.shift)
    core = Core(replace(learned.network, inhibition=given))
    activity = assumed_activity(core)
    found = cost_report(core, "microbit", activity)
    assert activity.infer["synapse of V"] == triangle(30)
    assert (found.renewal, found.renewal_every) == (None, 0)
    assert found.ram["inhibition"] < 30 * 4 + 100
    # Of low rank, the population behind it is smaller; the inhibition takes no less for that.
    none = np.zeros(5, int)
    low = replace(given, rank=5, weights=np.zeros(150, int), row_shifts=none, centre=none)
    prepared = Preparation((1, 30, 1), keeps_sign=True)
    few = presets.competitive(prepared, 4, 2, bits=4, inhibition=low)
    ram = cost_report(Core(few), "microbit", assumed_activity(Core(few))).ram
    assert ram["workspace"] + ram["inhibition"] == Core(few).workspace_size
    assert 0 < ram["inhibition"] < 30 * 4 + 100
    assert "synapse of the factor" not in activity.learn
    # Random codes have a sign: off spikes arrive.
    assert activity.infer["block that off spikes reach"] > 0
