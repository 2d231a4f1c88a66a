"""``kconfig.py KCONFIG SETTINGS OUT``: symbols and their values, as CMake's ``set``, by kconfiglib.

SETTINGS is a prj.conf, or no file. Whatever Kconfig would warn of is an error.
"""

import sys
from pathlib import Path

import kconfiglib

menu, settings, out = map(Path, sys.argv[1:])
config = kconfiglib.Kconfig(str(menu), warn_to_stderr=False)
if settings.is_file():
    # What belongs to the system is not in this file.
    own = [line for line in settings.read_text().splitlines() if line.startswith("CONFIG_NACA")]
    chosen = out.with_suffix(".conf")
    chosen.write_text("\n".join(own) + "\n")
    config.load_config(str(chosen))
if config.warnings:
    sys.exit("\n".join(config.warnings))
lines = [f"set(CONFIG_{s.name} {s.str_value})" for s in config.unique_defined_syms]
out.write_text("\n".join(lines) + "\n")
