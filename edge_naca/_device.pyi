# The extension module is generated from naca.h, store.h, link.h and host/_device.h; their comments
# are its manual.
from typing import Any

ffi: Any
lib: Any
