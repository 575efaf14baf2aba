"""Settings: the environment, strictly."""

from pathlib import Path

import pytest

from engine.errors import ConfigError
from server.settings import Settings, from_environment


def test_defaults_without_variables() -> None:
    settings = from_environment({"PATH": "/bin"})
    assert settings == Settings()
    assert (settings.viewers, settings.frame_rate, settings.credit, settings.eviction_seconds) == (
        2000,
        20,
        12,
        10,
    )
    assert settings.period_ns == 50_000_000
    assert settings.on_loopback


def test_every_variable_is_read() -> None:
    settings = from_environment(
        {
            "WATTRACE_HOST": "0.0.0.0",
            "WATTRACE_PORT": "0",
            "WATTRACE_VIEWERS": "3",
            "WATTRACE_FRAME_RATE": "10",
            "WATTRACE_CREDIT": "20",
            "WATTRACE_EVICTION_SECONDS": "2.5",
            "WATTRACE_ORIGINS": "https://stage.example/, http://b.example:8080",
            "WATTRACE_HOSTS": "Stage.example",
            "WATTRACE_DATA": "/data",
            "WATTRACE_TOKEN": "0123456789abcdef",
        }
    )
    assert settings == Settings(
        host="0.0.0.0",
        port=0,
        viewers=3,
        frame_rate=10.0,
        credit=20,
        eviction_seconds=2.5,
        origins=("https://stage.example", "http://b.example:8080"),
        hosts=("stage.example",),
        data=Path("/data"),
        token="0123456789abcdef",
    )
    assert not settings.on_loopback
    assert settings.data_folder == Path("/data")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WATTRACE_PORT", "65536"),
        ("WATTRACE_PORT", "http"),
        ("WATTRACE_VIEWERS", "0"),
        ("WATTRACE_FRAME_RATE", "nan"),
        ("WATTRACE_FRAME_RATE", "100"),
        ("WATTRACE_EVICTION_SECONDS", "-1"),
        ("WATTRACE_ORIGINS", "stage.example"),
        ("WATTRACE_HOST", " "),
        ("WATTRACE_TOKEN", "short"),
        ("WATTRACE_TOKEN", "with some spaces in it"),
        ("WATTRACE_VIEWRES", "3"),
    ],
)
def test_errors_name_the_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment({name: value})
    assert name in str(caught.value)
    assert caught.value.remedy


def test_a_refused_token_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment({"WATTRACE_TOKEN": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_variables_of_other_parts_are_left_alone() -> None:
    others = {"WATTRACE_VLLM_PYTHON": "/opt/python", "WATTRACE_DEBUG": "1", "WATTRACE_CPU_HOME": "/x"}
    assert from_environment(others) == Settings()


def test_the_data_folder_is_the_platforms_by_default() -> None:
    assert Settings().data_folder.name == "wattrace"
