"""One prepared nvmlDeviceGetFieldValues call: its argument array is made once and read as bytes.

pynvml's own wrapper builds the array and looks the function up at every call and hands out ctypes objects,
each of whose attributes costs as much as the driver's answer; here a call of three fields is one foreign call
and one `struct` read. The array's type, the library and the error codes are pynvml's public ones.
"""

import ctypes
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pynvml

Field = tuple[int, int]
"""A field id and its scope (0: the GPU, 1: the module, 2: the memory)."""
Answer = tuple[float | int | None, int]
"""A value, or None and the nvmlReturn that says why."""

_ELEMENT = pynvml.c_nvmlFieldValue_t
# Integers in a union's first bytes, by how many of its bits are theirs.
_MASKS = {
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: (1 << 32) - 1,
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: (1 << 8 * ctypes.sizeof(ctypes.c_ulong)) - 1,
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: (1 << 64) - 1,
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: (1 << 16) - 1,
}
_OTHERS = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: "=d",
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "=q",
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: "=i4x",
}


class FieldReader:
    """Reads `fields` of the GPU `handle`, all in one call."""

    def __init__(self, handle: Any, fields: Sequence[Field]) -> None:
        self._handle, self._count = handle, len(fields)
        self._values = (_ELEMENT * len(fields))()
        for element, (field, scope) in zip(self._values, fields, strict=True):
            element.fieldId, element.scopeId = field, scope
        self._unpack = struct.Struct("=" + _element_layout() * len(fields)).unpack_from
        self._call = _function()

    def read(self) -> list[Answer]:
        """The answers in the order of the fields; raises NVMLError when the call as a whole failed."""
        code = self._call(self._handle, self._count, self._values)
        if code:
            raise pynvml.NVMLError(code)
        cells = self._unpack(self._values)
        found: list[Answer] = []
        for kind, refused, bits in zip(cells[::3], cells[1::3], cells[2::3], strict=True):
            if refused:
                found.append((None, refused))
            elif mask := _MASKS.get(kind):
                found.append((bits & mask, 0))
            else:
                found.append((_other(kind, bits), 0))
        return found


def _function() -> Callable[..., int]:
    """The library's function; pynvml has loaded the library, but need not say under which name."""
    library = getattr(pynvml, "nvmlLib", None) or ctypes.CDLL("libnvidia-ml.so.1")
    try:
        function: Callable[..., int] = library.nvmlDeviceGetFieldValues
    except AttributeError as error:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND) from error
    return function


def _element_layout() -> str:
    """valueType, nvmlReturn and the value's eight bytes of one array element, as `struct` writes it."""
    kind, code, value = _ELEMENT.valueType.offset, _ELEMENT.nvmlReturn.offset, _ELEMENT.value.offset
    tail = ctypes.sizeof(_ELEMENT) - value - 8
    return f"{kind}xI{code - kind - 4}xI{value - code - 4}xQ{tail}x"


def _other(kind: int, bits: int) -> float | int:
    value: float | int = struct.unpack(_OTHERS[kind], struct.pack("=Q", bits))[0]
    return value
