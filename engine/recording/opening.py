"""What may be opened as a recording: a file, or the address of a server."""

from pathlib import Path

from engine.recording.recording import Recording


def open_recording(target: Path | str) -> Recording:
    """The recording in a file, or that of the run that the server at an address (`http://HOST:PORT/`) shows.

    Raises RecordingError for a file that is no recording. Nothing is asked of a server before `async for`.
    """
    if isinstance(target, str) and is_address(target):
        from engine.recording.live import LiveRecording  # with a client of HTTP, which takes a while to load

        return LiveRecording(target)
    found = Recording(Path(target))
    found.start  # noqa: B018  # so that whoever opens what is no recording is told now
    return found


def is_address(target: str) -> bool:
    """Whether this is where a server is, and not a file."""
    return "://" in target
