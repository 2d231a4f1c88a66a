"""Write the C source of an extension module from the C headers themselves.

The headers are the only place where the interface is written down. cffi reads plain
declarations, so all that has to go are the preprocessor's lines, but for the version, and the C++
linkage braces.
CMake runs this as ``_build_core.py MODULE OUTPUT HEADER...``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def declarations(header: Path) -> str:
    """Return the declarations of a header in the form that ``cffi.FFI.cdef`` accepts.

    Raises
    ------
    ValueError
        If the header defines a macro other than its include guard and the version: constants are
        enums, which compilers check, and cffi could not see a function.
    """
    text = header.read_text(encoding="utf-8")
    guard = re.search(r"#ifndef (\w+)\n#define \1\n", text)
    for macro in re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.MULTILINE):
        if (guard is None or macro != guard[1]) and not macro.startswith("NACA_VERSION_"):
            raise ValueError(f"{header}: {macro} is a macro; public constants must be enums")
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^[ \t]*#(?!define NACA_VERSION_).*\n", "", text, flags=re.MULTILINE)


def main(module: str, output: Path, headers: list[Path]) -> None:
    """Write the C source of `module`, which includes `headers` and declares what they declare."""
    # Imported here so that `declarations` serves where cffi only loads libraries, or is absent.
    import cffi

    ffi = cffi.FFI()
    for header in headers:
        ffi.cdef(declarations(header))
    includes = "".join(f'#include "{header.resolve()}"\n' for header in headers)
    ffi.set_source(module, includes)
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
