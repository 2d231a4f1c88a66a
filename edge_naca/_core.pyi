# The extension module is generated from naca.h and _batch.h; their comments are its manual.
from typing import Any

ffi: Any
lib: Any
