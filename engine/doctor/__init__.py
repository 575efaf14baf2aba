"""`wattrace doctor`: whether a demo could race here now, and what the sensors are worth."""

from engine.doctor.examination import Examination, device_name, examine

__all__ = ["Examination", "device_name", "examine"]
