"""Testing firmware that learns: devices for tests, and what holds them against the host.

pytest finds the fixtures (`edge_naca.testing.plugin`) by itself; docs/testing.md says how to use
them. What they give, and `assert_same_as_host`, work without pytest too.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_naca.testing.comparison import HostTwin, assert_same_as_host
    from edge_naca.testing.devices import (
        BoardUnderTest,
        DeviceUnderTest,
        FaultyLine,
        VirtualUnderTest,
    )
    from edge_naca.testing.differences import DifferenceError
    from edge_naca.testing.instructions import BudgetError, count_instructions
else:
    from edge_naca.lazy import attributes

    # pytest imports this package in every run where edge-naca is installed.
    __getattr__, __dir__ = attributes(
        __name__,
        {
            "BoardUnderTest": "devices",
            "BudgetError": "instructions",
            "DeviceUnderTest": "devices",
            "DifferenceError": "differences",
            "FaultyLine": "devices",
            "HostTwin": "comparison",
            "VirtualUnderTest": "devices",
            "assert_same_as_host": "comparison",
            "count_instructions": "instructions",
        },
    )

__all__ = [
    "BoardUnderTest",
    "BudgetError",
    "DeviceUnderTest",
    "DifferenceError",
    "FaultyLine",
    "HostTwin",
    "VirtualUnderTest",
    "assert_same_as_host",
    "count_instructions",
]
