"""`wattrace doctor`: whether a demo could race here now, and what the sensors are worth."""

from engine.doctor.examination import Examination, examine
from engine.doctor.findings import Finding
from engine.doctor.looking import device_name

__all__ = ["Examination", "Finding", "device_name", "examine"]
