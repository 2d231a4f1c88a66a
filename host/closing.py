"""What has to be closed can be used in a ``with`` statement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

C = TypeVar("C", bound="Closing")


class Closing(ABC):
    """Has something to let go of: use it in a ``with`` statement, or call `close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
