import ctypes
from types import SimpleNamespace

import pynvml
import pytest

from engine.sources.fields import FieldReader


class Driver:
    """Answers a prepared call with what it was told to: (value type, union member, value, nvmlReturn)."""

    def __init__(self, *answers: tuple[int, str, float, int], code: int = 0) -> None:
        self.answers, self.code = answers, code
        self.asked: list[list[tuple[int, int]]] = []

    def __call__(self, handle: object, count: int, values: ctypes.Array) -> int:
        self.asked.append([(each.fieldId, each.scopeId) for each in values[:count]])
        for each, (kind, member, value, refused) in zip(values, self.answers, strict=True):
            each.value.ullVal = 0xDEADBEEFDEADBEEF
            each.valueType, each.nvmlReturn = kind, refused
            setattr(each.value, member, value)
        return self.code


def reader(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> FieldReader:
    monkeypatch.setattr(pynvml, "nvmlLib", SimpleNamespace(nvmlDeviceGetFieldValues=driver))
    return FieldReader("handle", [(186, n) for n in range(len(driver.answers))])


def test_every_type_of_value_is_understood(monkeypatch: pytest.MonkeyPatch):
    kinds = [
        (pynvml.NVML_VALUE_TYPE_DOUBLE, "dVal", 1.25, 0),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, "uiVal", 4_000_000_000, 0),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG, "ulVal", 1 << 33, 0),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "ullVal", (1 << 64) - 1, 0),
        (pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG, "sllVal", -5, 0),
        (pynvml.NVML_VALUE_TYPE_SIGNED_INT, "siVal", -6, 0),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT, "usVal", 65_535, 0),
    ]
    driver = Driver(*kinds)
    fields = reader(monkeypatch, driver)
    for _ in range(2):
        assert list(fields.read(fields.ask())) == [value for _, _, value, _ in kinds]
        assert not any(fields.codes)
    assert driver.asked[0] == driver.asked[1] == [(186, n) for n in range(7)]


def test_a_refused_field_has_its_reason_and_no_value(monkeypatch: pytest.MonkeyPatch):
    driver = Driver((1, "uiVal", 7, 0), (1, "uiVal", 8, pynvml.NVML_ERROR_NOT_SUPPORTED))
    fields = reader(monkeypatch, driver)
    assert fields.read(fields.ask()) == [7, None]
    assert fields.codes == (0, pynvml.NVML_ERROR_NOT_SUPPORTED)


def test_an_answer_may_change_from_one_reading_to_the_next(monkeypatch: pytest.MonkeyPatch):
    whole = [(1, "uiVal", 7, 0), (3, "ullVal", 1 << 40, 0)]
    driver = Driver(*whole)
    fields = reader(monkeypatch, driver)
    for answers, values in (
        (whole, [7, 1 << 40]),
        ([whole[0], (1, "uiVal", 9, pynvml.NVML_ERROR_UNKNOWN)], [7, None]),
        (whole, [7, 1 << 40]),
        ([(0, "dVal", 2.5, 0), whole[1]], [2.5, 1 << 40]),
    ):
        driver.answers = answers
        assert list(fields.read(fields.ask())) == values
        assert [bool(code) for code in fields.codes] == [value is None for value in values]


def test_a_call_that_fails_as_a_whole_raises(monkeypatch: pytest.MonkeyPatch):
    driver = Driver((1, "uiVal", 7, 0), code=pynvml.NVML_ERROR_GPU_IS_LOST)
    with pytest.raises(pynvml.NVMLError_GpuIsLost):
        reader(monkeypatch, driver).ask()


def test_a_driver_too_old_for_fields_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pynvml, "nvmlLib", SimpleNamespace())
    with pytest.raises(pynvml.NVMLError_FunctionNotFound):
        FieldReader("handle", [(186, 0)])
