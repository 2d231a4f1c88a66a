"""What a NIR file does not say, and has to be asked for.

NIR describes neurons in continuous time. How long a step is, how the equations become steps, what
a spike resets and when, how samples are presented and for how long: frameworks differ in all of
it, and none of it is in the file. Nothing here is guessed. An exporter's name fills in what that
framework does; docs/nir.md gives the sources.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from edge_naca.export.conversion.check import Question
from edge_naca.limits import MAX_STEPS, choice, whole

METHODS = ("euler", "exact")
SYNAPSES = ("filter", "jump", "decayed")
RESETS = ("subtract", "zero")
FIRES = ("above", "reached")
READOUTS = ("sum", "last")
ENCODERS = ("direct", "rate", "latency", "events")


@dataclass(frozen=True, kw_only=True)
class NirOptions:
    """What a NIR file does not say; None where it is not known.

    Parameters
    ----------
    exporter : framework that wrote the file, a key of `EXPORTERS`: fills in what is None of `dt`,
        `if_dt`, `method`, `synapse`, `fires`, `reset` and `delayed`.
    dt : time step, in the unit of the file's time constants.
    if_dt : time step of neurons without leak (IF, I), where it differs.
    method : "euler" takes 1 − dt / tau as the leak of a step, "exact" exp(−dt / tau).
    synapse : of CubaLIF and CubaLI: an input is multiplied by w_in and by the same share of tau_syn
        that leaks ("filter"), or by w_in alone ("jump").
    fires : a neuron spikes when its potential is "above" its threshold, or has "reached" it.
    reset : a spike takes the threshold from the potential ("subtract"), or clears it ("zero").
    delayed : what reset "subtract" takes is taken at the next step, after the leak.
    refractory : steps after a spike in which the potential is held at rest; reset "zero" only.
    steps : of a presentation.
    encoder : how a sample reaches the first layer: as the same numbers at every step ("direct"), as
        spikes drawn with the probability x ("rate"), as one spike, earlier for a larger x
        ("latency"), or as the sensor's own spikes ("events").
    full_scale : raw number that stood for 1.0 in training.
    mean, std : the model takes (raw / full_scale − mean) / std; one number, or one for each
        channel.
    readout : if the file ends in weights: the answer is the greatest "sum" of what they give over
        all steps, or the greatest of the "last" step.
    input_shape : of a sample as (channels, height, width) or fewer, where the file lacks it.
    """

    exporter: str | None = None
    dt: float | None = None
    if_dt: float | None = None
    method: str | None = None
    synapse: str | None = None
    fires: str | None = None
    reset: str | None = None
    delayed: bool | None = None
    refractory: int = 0
    steps: int | None = None
    encoder: str | None = None
    full_scale: float | None = None
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    readout: str | None = None
    input_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("exporter", tuple(EXPORTERS)),
            ("method", METHODS),
            ("synapse", SYNAPSES),
            ("fires", FIRES),
            ("reset", RESETS),
            ("encoder", ENCODERS),
            ("readout", READOUTS),
        ):
            if getattr(self, name) is not None:
                choice(name, getattr(self, name), allowed)
        for name in ("dt", "if_dt", "full_scale"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0, not {value}")
        if self.steps is not None:
            whole("steps", self.steps, 1, MAX_STEPS)
        whole("refractory", self.refractory, 0, 254)
        import numpy as np  # here: the command line's help reads the words above without it

        mean, std = (np.asarray(numbers, np.float64) for numbers in (self.mean, self.std))
        for name, numbers in (("mean", mean), ("std", std)):
            if numbers.ndim > 1 or not numbers.size or not np.isfinite(numbers).all():
                raise ValueError(f"{name} must be finite numbers, not {getattr(self, name)!r}")
        if (std <= 0).any():
            raise ValueError(f"std must be above 0, not {self.std!r}")
        if self.encoder not in (None, "direct") and (mean.any() or (std != 1).any()):
            raise ValueError(f"mean and std go with encoder 'direct', not {self.encoder!r}")


@dataclass(frozen=True)
class Exporter:
    """What a framework does.

    Parameters
    ----------
    title : its name.
    values : of the options that its name fills in.
    notes : what a user of it may have changed, so that the file would be read wrongly.
    """

    title: str
    values: dict[str, Any]
    notes: tuple[str, ...]


EXPORTERS = {
    "snntorch": Exporter(
        "snnTorch",
        {
            "dt": 1e-4,
            "method": "euler",
            "synapse": "filter",
            "fires": "above",
            "reset": "subtract",
            "delayed": True,
        },
        (
            "neurons with reset_mechanism='zero' need --reset zero",
            "neurons with reset_delay=False need --no-delay",
        ),
    ),
    "norse": Exporter(
        "Norse",
        {
            "dt": 1e-6,
            "if_dt": 1.0,
            "method": "euler",
            "synapse": "jump",
            "fires": "above",
            "reset": "zero",
            "delayed": False,
        },
        ("modules and to_nir were given the default dt of 0.001; else dt is their product",),
    ),
    "sinabs": Exporter(
        "sinabs",
        {
            "dt": 1.0,
            "method": "exact",
            "fires": "reached",
            "reset": "subtract",
            "delayed": False,
        },
        (
            "with spike_fn=MultiSpike, the default, neurons spike several times a step: once here",
            "min_v_mem and norm_input=False are not in the file",
        ),
    ),
    "spikingjelly": Exporter(
        "SpikingJelly",
        {
            "dt": 1e-4,
            "method": "euler",
            "synapse": "filter",
            "fires": "reached",
            "reset": "zero",
            "delayed": False,
        },
        ("export_to_nir was given the default dt of 1e-4",),
    ),
    "rockpool": Exporter(
        "Rockpool",
        {
            "dt": 1e-3,
            "method": "exact",
            "synapse": "decayed",
            "fires": "reached",
            "reset": "subtract",
            "delayed": False,
        },
        (
            "with max_spikes_per_dt above 1, neurons spike several times a step: once here",
            "biases of neurons are not in the file",
        ),
    ),
}


class MissingOptionsError(ValueError):
    """A file leaves questions open; `questions` are all of them."""

    def __init__(self, questions: list[Question]) -> None:
        self.questions = questions
        asked = "\n  ".join(["", *map(str, questions)])
        names = ", ".join(EXPORTERS)
        super().__init__(
            f"a NIR file does not say everything. Missing:{asked}\n"
            f"--exporter ({names}) answers what that framework always does."
        )


_TIMED = {"LIF", "CubaLIF", "LI", "CubaLI"}
_INTEGRATING = {"IF", "I"}
_CURRENT_BASED = {"CubaLIF", "CubaLI"}
_RESET = {"LIF", "CubaLIF", "IF"}


def filled(options: NirOptions) -> NirOptions:
    """Return the options with what the exporter answers."""
    if options.exporter is None:
        return options
    values = EXPORTERS[options.exporter].values
    settings = {name: value for name, value in values.items() if getattr(options, name) is None}
    if options.dt is not None:
        settings.pop("if_dt", None)  # who gives a time step means it
    if options.reset == "zero":
        settings.pop("delayed", None)
    return replace(options, **settings)


def questions(kinds: Iterable[str], ends_in_weights: bool, options: NirOptions) -> list[Question]:
    """Return what has still to be said.

    Parameters
    ----------
    kinds : types of the nodes in the file.
    ends_in_weights : whether no neurons come after the last weights.
    options : with what the exporter answers.
    """
    kinds = set(kinds)
    asked = []
    timed, resets = kinds & _TIMED, kinds & _RESET

    def ask(name: str, text: str, answers: str) -> None:
        if getattr(options, name) is None:
            asked.append(Question(name, text, answers))

    if timed or kinds & _INTEGRATING:
        ask("dt", "how long is a time step, in the unit of the file's time constants", "1e-4, …")
    if timed:
        ask("method", "how do time constants become the leak of a step", " or ".join(METHODS))
    if kinds & _CURRENT_BASED:
        ask("synapse", "what does an input add to a synaptic current", " or ".join(SYNAPSES))
    if resets:
        ask("reset", "what does a spike do to the potential", " or ".join(RESETS))
    if resets or "Threshold" in kinds:
        ask("fires", "does a potential equal to the threshold spike", "above: no; reached: yes")
    if resets and options.reset != "zero":
        ask(
            "delayed",
            "is the threshold taken at the step of the spike, or at the next one, after the leak",
            "--no-delay or --delay",
        )
    ask("steps", "how many time steps does a sample take", f"1 .. {MAX_STEPS}")
    ask("encoder", "how does a sample reach the first layer", " or ".join(ENCODERS))
    if options.encoder != "events":
        ask(
            "full_scale", "which raw number stood for 1.0 in training", "255 for pixels / 255, 1, …"
        )
    if ends_in_weights:
        ask("readout", "the file ends in weights: what is the answer", " or ".join(READOUTS))
    return asked


_UNASKED = {"refractory": 0, "mean": 0.0, "std": 1.0}


def _is_untouched(name: str, value: Any) -> bool:
    return value is None or (name in _UNASKED and value == _UNASKED[name])


def assumptions(options: NirOptions) -> tuple[str, ...]:
    """Return what was assumed, for reports and for the image."""
    said = [
        f"{field.name} = {getattr(options, field.name)}"
        for field in fields(options)
        if field.name != "exporter" and not _is_untouched(field.name, getattr(options, field.name))
    ]
    notes: tuple[str, ...] = ()
    if options.exporter is not None:
        exporter = EXPORTERS[options.exporter]
        said.insert(0, f"written by {exporter.title}")
        notes = exporter.notes
    return (", ".join(said), *notes)
