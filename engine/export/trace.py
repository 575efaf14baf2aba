"""Packets of a Perfetto trace, by its own trace builder."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import IO, Any

import orjson
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket, TrackEvent
from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder

_SEQUENCE = 1
_REALTIME, _MONOTONIC, _BOOTTIME = 1, 3, 6
"""Perfetto's numbers for the clocks; a packet that names none is of the last."""


class Trace:
    """Packets of one sequence."""

    def __init__(self, file: IO[bytes]) -> None:
        self._builder = StreamingTraceProtoBuilder(file)
        self._ids = count(1)
        self._packet = TracePacket(trusted_packet_sequence_id=_SEQUENCE)

    def clocks(self, utc: str) -> None:
        """Say when the trace's zero was."""
        packet = TracePacket(timestamp=0, trusted_packet_sequence_id=_SEQUENCE)
        since = datetime.fromisoformat(utc).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        for clock, t_ns in ((_BOOTTIME, 0), (_MONOTONIC, 0), (_REALTIME, since // timedelta(microseconds=1) * 1000)):
            packet.clock_snapshot.clocks.add(clock_id=clock, timestamp=t_ns)
        self._builder.write_packet(packet)

    def track(self, name: str, parent: int | None = None, *, unit: str | None = None) -> int:
        """A new track below `parent`; one with a unit (it may be "") is a counter's."""
        uuid = next(self._ids)
        packet = TracePacket(timestamp=0, trusted_packet_sequence_id=_SEQUENCE)
        descriptor = packet.track_descriptor
        descriptor.uuid, descriptor.name = uuid, name
        if parent is not None:
            descriptor.parent_uuid = parent
        if unit is not None:
            descriptor.counter.unit_name = unit
        self._builder.write_packet(packet)
        return uuid

    def value(self, track: int, t_ns: int, value: float) -> None:
        """The counter is `value` from `t_ns` on."""
        event = self._event(track, t_ns, TrackEvent.TYPE_COUNTER)
        event.double_counter_value = value
        self._builder.write_packet(self._packet)

    def slice(self, track: int, name: str, begin_ns: int, end_ns: int, notes: Mapping[str, Any] | None = None) -> None:
        """Something lasted from `begin_ns` to `end_ns`; `notes` show when it is clicked. What is None is not there."""
        event = self._event(track, begin_ns, TrackEvent.TYPE_SLICE_BEGIN)
        event.name = name
        _annotate(event, notes or {})
        self._builder.write_packet(self._packet)
        self._event(track, end_ns, TrackEvent.TYPE_SLICE_END)
        self._builder.write_packet(self._packet)

    def instant(self, track: int, name: str, t_ns: int, notes: Mapping[str, Any]) -> None:
        """Something happened at `t_ns`."""
        event = self._event(track, t_ns, TrackEvent.TYPE_INSTANT)
        event.name = name
        _annotate(event, notes)
        self._builder.write_packet(self._packet)

    def _event(self, track: int, t_ns: int, kind: "TrackEvent.Type") -> TrackEvent:
        """The event of the one packet that is used again and again: making one takes as long as writing it."""
        packet = self._packet
        packet.timestamp = t_ns
        packet.track_event.Clear()
        packet.track_event.track_uuid, packet.track_event.type = track, kind
        return packet.track_event


def _annotate(event: TrackEvent, notes: Mapping[str, Any]) -> None:
    for name, value in notes.items():
        if value is None:
            continue
        note = event.debug_annotations.add(name=name)
        match value:
            case bool():
                note.bool_value = value
            case int():
                note.int_value = value
            case float():
                note.double_value = value
            case str():
                note.string_value = value
            case _:
                note.string_value = orjson.dumps(value).decode()
