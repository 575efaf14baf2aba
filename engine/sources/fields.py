"""One prepared nvmlDeviceGetFieldValues call: its argument array is made once, and read as bytes when there is time.

pynvml's own wrapper builds the array and looks the function up at every call and hands out ctypes objects,
each of whose attributes costs as much as the driver's answer; here a call of three fields is one foreign call
and a copy, and later one `struct` read. The array's type, the library and the error codes are pynvml's public ones.
"""

import ctypes
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pynvml

Field = tuple[int, int]
"""A field id and its scope (0: the GPU, 1: the module, 2: the memory)."""

_ELEMENT = pynvml.c_nvmlFieldValue_t
_ANY = "8s"
# A value's eight bytes, by its type: the union's first bytes are the number, the others are anything.
_LAYOUTS = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: "d",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: "I4x",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "Q" if ctypes.sizeof(ctypes.c_ulong) == 8 else "I4x",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "Q",
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "q",
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: "i4x",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: "H6x",
}


class FieldReader:
    """Reads `fields` of the GPU `handle`, all in one call."""

    def __init__(self, handle: Any, fields: Sequence[Field]) -> None:
        self._values = (_ELEMENT * len(fields))()
        for element, (field, scope) in zip(self._values, fields, strict=True):
            element.fieldId, element.scopeId = field, scope
        self._call = partial(_function(), handle, len(fields), self._values)
        self._fine = (0,) * len(fields)
        self._heads = _unpacker([_ANY] * len(fields))
        # As the last whole answer was: types do not change, so the next one is read at once.
        self._types: tuple[int, ...] = ()
        self._unpack = self._heads
        self.codes = self._fine
        """Each field's nvmlReturn in the answer that was read last; where it is not 0 there is no value."""

    def ask(self) -> bytes:
        """The driver's answer as it came; raises NVMLError when the call failed."""
        failed = self._call()
        if failed:
            raise pynvml.NVMLError(failed)
        return bytes(self._values)

    def read(self, answer: bytes) -> Sequence[float | int | None]:
        """The values in an answer, in the order of the fields; None where `codes` says why."""
        cells = self._unpack(answer)
        if cells[::3] == self._types and cells[1::3] == self._fine:
            self.codes = self._fine
            return cells[2::3]
        return self._unusual(answer)

    def _unusual(self, answer: bytes) -> Sequence[float | int | None]:
        """An answer of other types than the last one, or with a field that has none."""
        cells = self._heads(answer)
        types, self.codes = cells[::3], cells[1::3]
        unpack = _unpacker([_ANY if code else _LAYOUTS[kind] for kind, code in zip(types, self.codes, strict=True)])
        values = unpack(answer)[2::3]
        if self.codes == self._fine:
            self._types, self._unpack = types, unpack
        return [None if code else value for value, code in zip(values, self.codes, strict=True)]


def _function() -> Callable[..., int]:
    """The library's function; pynvml has loaded the library, but need not say under which name."""
    library = getattr(pynvml, "nvmlLib", None) or ctypes.CDLL("libnvidia-ml.so.1")
    try:
        function: Callable[..., int] = library.nvmlDeviceGetFieldValues
    except AttributeError as error:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND) from error
    return function


def _unpacker(layouts: Sequence[str]) -> Callable[[bytes], tuple[Any, ...]]:
    """Reads valueType, nvmlReturn and the value of every array element, values as `layouts` say."""
    kind, code, value = _ELEMENT.valueType.offset, _ELEMENT.nvmlReturn.offset, _ELEMENT.value.offset
    head, tail = f"{kind}xI{code - kind - 4}xI{value - code - 4}x", f"{ctypes.sizeof(_ELEMENT) - value - 8}x"
    return struct.Struct("=" + "".join(head + layout + tail for layout in layouts)).unpack_from
