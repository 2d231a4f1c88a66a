"""`make size`, `make size-diff`: text, RAM, stack and instructions of the firmware's C code."""
