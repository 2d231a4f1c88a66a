"""The records of the image: every field, its type and its limits (docs/image.md).

What stands here drives packing, unpacking and range checks. Fields that one description in
`edge_naca.network` or `edge_naca.stages` holds make a group; records are made of groups.
"""

from __future__ import annotations

from edge_naca.limits import (
    MAX_BANDS,
    MAX_CHANNELS,
    MAX_CLASSES,
    MAX_FRAMES,
    MAX_INHIBITED,
    MAX_MAGNITUDES,
    MAX_POPULATION_STEPS,
    MAX_POPULATIONS,
    MAX_RANKS,
    MAX_RATES,
    MAX_STEPS,
    MAX_UNITS,
    MAX_VOTES,
)
from edge_naca.records import Field, Record

ENCODERS = ("bitplane", "rate", "latency", "direct")
SPATIAL = ("pool", "edges")
POST_TERMS = ("all", "delta", "winner")
SIGNALS = ("table", "error")
PRE_TERMS = ("spike", "attract", "bounded")

# ---- header and section table (image.md, section 1) ------------------------------------------

HEADER = Record(
    Field("magic", "char[4]"),
    Field("version", "u16", 1, 1),
    Field("sections", "u16"),
    Field("size", "u32"),
    Field("crc", "u32"),
)
ENTRY = Record(
    Field("tag", "char[4]"),
    Field("flags", "u32"),
    Field("offset", "u32"),
    Field("size", "u32"),
)

# ---- what is written of learned state alone (image.md, section 5) ----------------------------

SAVED_STATE = Record(
    Field("magic", "char[4]"),
    Field("network", "u32"),
    Field("size", "u32"),
    Field("hash", "u32"),
)

# ---- network and populations (image.md, section 2) -------------------------------------------

ENCODER_FIELDS = (
    Field("encoder", "u8", options=ENCODERS, attribute="kind"),
    Field("bits", "u8", 1, 8),
    Field("steps", "u16", 1, MAX_STEPS),
    Field("is_signed", "u8", 0, 1),
)
NETWORK = Record(
    Field("inputs", "u16", 1, MAX_UNITS),
    Field("capacity", "u16", 1, MAX_CLASSES),
    Field("populations", "u8", 0, MAX_POPULATIONS),
    *ENCODER_FIELDS[:2],
    Field("steps", "u8"),
    Field("seed", "u32"),
    Field("steps_high", "u8", 0, MAX_STEPS >> 8),
    ENCODER_FIELDS[3],
    Field("reserved", "u8[2]"),
)

RULE_FIELDS = (
    Field("post", "u8", options=POST_TERMS, first=1),
    Field("signal", "u8", options=SIGNALS),
    Field("pre", "u8", options=PRE_TERMS),
    Field("trace_shift", "i8", -8, 8),
    Field("trace_decay", "u16", 0, 256),
    Field("trace_increment", "u8", 0, 255),
    Field("rate_shift", "u8", 1, 28),
    Field("handicap", "u16", 0, 4095),
    Field("recruit", "i32", -(1 << 27), 1 << 27),
    Field("delta_margin", "i32", 0, 1 << 24),
    Field("depress_rate", "i16", -32768, 32767),
    Field("rates", "u16", 1, MAX_RATES, is_count=True),
)
COMPETITION_FIELDS = (
    Field("ranks", "u8", 0, MAX_RANKS, is_derived=True),
    Field("depress_from", "u16"),
    Field("ages", "u8", 0, 16, is_derived=True),
    Field("share", "u8"),
    Field("rarity", "u8"),
    Field("drift", "u8"),
    Field("unknown", "u16"),
)
CURVE_FIELDS = (Field("curve_shift", "u8", 0, 24, attribute="shift"),)
POPULATION = Record(
    Field("neurons", "u16", 1, MAX_UNITS),
    Field("flags", "u16", flags=("bias", "subtract", "norm_threshold", "curve")),
    Field("weight_bits", "u8", 4, 8),
    Field("zero_point", "u8", 0, 15),
    Field("weight_min", "i8", -128, 0),
    Field("weight_max", "i8", 0, 127),
    Field("decay", "u16", 0, 256),
    Field("current_shift", "u8", 0, 7),
    Field("refractory", "u8", 0, 254),
    Field("fire_from", "u8", 0, MAX_POPULATION_STEPS - 1),
    Field("norm_shift", "u8", 0, 24, is_nullable=True),
    Field("winners", "u16", 0, MAX_UNITS),
    Field("threshold", "i32", -(1 << 26), 1 << 26),
    Field("inhibition", "i32", 0, 1 << 15),
    Field("adaptation", "i32", 0, 1 << 20),
    Field("adaptation_decay", "u16", 0, 256),
    *RULE_FIELDS,
    *CURVE_FIELDS,
    *COMPETITION_FIELDS,
    Field("reserved", "u8[2]"),
)
NEURON_FIELDS = tuple(
    field
    for field in POPULATION.fields.values()
    if field not in (*RULE_FIELDS, *CURVE_FIELDS, *COMPETITION_FIELDS)
)

# ---- preparation (image.md, section 3.1) -----------------------------------------------------

PREPARATION_FLAGS = ("log", "signed", "per_feature", "keeps_sign", "real", "per_number")
PREPARATION = Record(
    Field("spatial", "u8", options=SPATIAL),
    Field("flags", "u8", flags=PREPARATION_FLAGS),
    Field("height", "u16", 1, MAX_UNITS, is_derived=True),
    Field("width", "u16", 1, MAX_UNITS, is_derived=True),
    Field("channels", "u16", 1, 64, is_derived=True),
    Field("cell", "u8", 1, 255),
    Field("shift", "u8", 0, 30),
    Field("cap", "u16", 0, 32767),
    Field("norm", "u16", 0, 4095),
    Field("features", "u16", 1, MAX_UNITS, is_derived=True),
)
GAIN = Field("gain", "u16", 0, 16383)
AFFINE_ARRAYS = {"addend": "<i4", "factor": "<i2", "exponent": "<i1"}  # in their order

# ---- signal (image.md, section 3.8) ----------------------------------------------------------

# What may be made of a channel, in this order: the bits of a channel's block.
SIGNAL_BLOCKS = (
    "mean", "deviation", "least", "greatest", "change", "crossings", "bands", "decimated",
)  # fmt: skip
SIGNAL = Record(
    Field("channels", "u8", 1, MAX_CHANNELS),
    Field("magnitudes", "u8", 0, MAX_MAGNITUDES),
    Field("window", "u8", 4, 14),
    Field("frame", "u8", 0, 10),
    Field("decimation", "u8", 0, 14),
    Field("frames", "u8", 0, MAX_FRAMES),
    Field("bands", "u8", 0, MAX_BANDS),
    Field("level", "u8", 0, 30),
    Field("rate", "u32", 1),
    Field("hop", "u32", 1),
    Field("first_bin", "u16"),
    Field("bins", "u16"),
    Field("features", "u16", 1, MAX_UNITS),
    Field("flags", "u8", flags=("real",)),
    Field("votes", "u8", 0, MAX_VOTES),
    Field("quorum", "u8", 0, MAX_VOTES),
    Field("rest", "u8"),
    Field("reserved", "u8[2]"),
)

# ---- inhibition (image.md, section 3.7) ------------------------------------------------------

INHIBITION = Record(
    Field("flags", "u8", flags=("learned",)),
    Field("code_bits", "u8", 1, 7),
    Field("inputs", "u16", 1, MAX_INHIBITED),
    Field("shift", "u8", 0, 24),
    Field("reach", "u8", 1, 15),
    Field("noise", "u16", 0, 4095),
    Field("first", "u16", 1),
    Field("every", "u16"),
    Field("start", "u16", 64, 4095),
    Field("rank", "u16", 0, MAX_INHIBITED),
)
INHIBITION_FIELDS = tuple(INHIBITION.fields.values())
DECORRELATION = Record(
    Field("count", "u16"),
    Field("factor_shift", "u8"),
    Field("shift", "u8"),
    Field("mean", "u32"),
)

# ---- frozen stages (image.md, section 3.6) ---------------------------------------------------

STAGE_KINDS = ("coded_convolution", "coded_pool", "spiking_convolution", "spiking_pool")
STAGE = Record(
    Field("kind", "u8", options=STAGE_KINDS),
    Field("flags", "u8"),
    Field("in", "u16[2]", 1),
    Field("channels", "u16", 1, 4096),
    Field("out", "u16[2]", 1),
    Field("maps", "u16", 1, 4096),
    Field("kernel", "u16[2]", 1),
    Field("groups", "u16", 1, 4096),
    Field("gain", "u16"),
    Field("stride", "u8[2]", 1, 255),
    Field("dilation", "u8[2]", 1, 255),
    Field("before", "u8[2]"),
    Field("shift", "u8"),
    Field("refractory", "u8"),
    Field("code_bits", "u8"),
    Field("bits", "u8"),
)
# What fields that not all kinds have hold for those that do; for others they are 0.
_CODES = (Field("code_bits", "u8", 1, 8), Field("bits", "u8", 1, 8))
STAGE_FIELDS = {
    "coded_convolution": _CODES,
    "coded_pool": (
        *_CODES,
        Field("flags", "u8", flags=("max",)),
        Field("gain", "u16", 1),
        Field("shift", "u8", 0, 23),
    ),
    "spiking_convolution": (
        Field("flags", "u8", flags=("subtract", "readout", "own", "synapse")),
        Field("shift", "u8", 0, 7, attribute="current_shift"),
        Field("refractory", "u8", 0, 254),
    ),
    "spiking_pool": (),
}
STAGE_RECORDS = {
    kind: Record(*(STAGE.fields | {field.name: field for field in fields}).values())
    for kind, fields in STAGE_FIELDS.items()
}
CODED_MAP = Record(
    Field("bias", "i32", -(1 << 26), 1 << 26),
    Field("shift", "u32", 0, 23),
)
SPIKING_NEURON = Record(
    Field("bias", "i32", -(1 << 23), 1 << 23),
    Field("threshold", "i32", -(1 << 26), 1 << 26),
    Field("reset_by", "i32", 0, 1 << 24),
    Field("decay", "u16", 0, 256),
    Field("synapse_decay", "u16", 0, 256),
)
