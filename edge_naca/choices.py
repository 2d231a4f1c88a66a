"""What callers choose among, and what is taken where they do not choose.

The command line names these in its help, so this module imports nothing: help loads no numpy.
"""

DATA_SETS = ("digits", "mnist", "fashion-mnist")
# what is made of a sample
FEATURES = ("auto", "edges", "pixels", "scaled", "decorrelated", "centred")
ORDERS = ("class", "shuffled", "given")  # in which samples come
SPLITS = ("auto", "group", "time")  # what decides which windows of recordings are tested on
CODINGS = ("bitplane", "rate")  # how a rectifier of an ONNX file becomes spikes
RAW_TYPES = ("uint8", "int16", "int32", "float32")  # the last for networks that take real numbers
INPUT_TYPES = (
    *RAW_TYPES,
    "codes",
    "spikes",
    "window",
)  # of a sample that an exported ONNX model takes

NEURONS_PER_CLASS = 30
DECORRELATED_NEURONS = 6  # for each class, where as many decorrelated codes go out
CENTRED_NEURONS = 12  # for each class, where codes are centred
PART = 500  # samples of a stream between two looks at the device's state
