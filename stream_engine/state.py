"""Arrays inside an operator's `state`: plain bytes with shape and type, never pickle."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


class Array(msgspec.Struct, frozen=True):
    """A numpy array as a serialisable value."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, array: NDArray[Any]) -> Array:
        return cls(array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())

    def numpy(self) -> NDArray[Any]:
        """A fresh, writable copy."""
        return np.frombuffer(self.data, self.dtype).reshape(self.shape).copy()
