"""`/metrics`: names, units and values as Prometheus' own parsers read them."""

import aiohttp
import orjson
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus
from serving import Serving, settle
from websockets.asyncio.client import connect

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


async def scraped(server: Serving, accept: str = OPENMETRICS) -> tuple[str, str]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{server.url}/metrics", headers={"Accept": accept}) as answer,
    ):
        assert answer.status == 200
        return await answer.text(), answer.headers["content-type"]


async def test_a_race_in_openmetrics() -> None:
    with Serving(autostart=True) as server:
        await settle(lambda: server.stage.scene.ledger.state == "racing" and server.stage.scene.ledger.powered)
        async with connect(server.ws) as viewer:
            heard = [orjson.loads(await viewer.recv())["type"] for _ in range(30)]
            text, kind = await scraped(server)
            energy = server.stage.scene.ledger.rig.meters["gpu0"].counter.ticks
    assert kind.startswith("application/openmetrics-text") and text.endswith("# EOF\n")
    found = {sample.name: sample for family in read_openmetrics(text) for sample in family.samples}
    assert found["wattrace_gpu_power_watts"].value == 100.0
    assert found["wattrace_gpu_power_watts"].labels == {"gpu": "gpu0", "simulated": "true"}
    assert 0 < found["wattrace_gpu_energy_joules_total"].value <= energy[-1].joules
    assert found["wattrace_viewers"].value == 1
    assert found["wattrace_frames_offered_total"].value >= heard.count("frame") > 20
    assert found["wattrace_frames_dropped_total"].value == 0
    assert found["wattrace_run_info"].labels["demo"] == "fake"
    states = {s.labels["state"]: s.value for f in read_openmetrics(text) for s in f.samples if "state" in s.labels}
    assert states["racing"] == 1 and sum(states.values()) == 1


async def test_an_idle_server_in_the_older_format() -> None:
    with Serving() as server:
        text, kind = await scraped(server, "text/plain")
    assert kind.startswith("text/plain")
    names = {family.name.removesuffix("_info") for family in read_prometheus(text)}
    assert names >= {"wattrace_build", "wattrace_viewers", "wattrace_run_state"}


@pytest.mark.parametrize("accept", [OPENMETRICS, "text/plain"])
async def test_every_name_keeps_to_the_convention(accept: str) -> None:
    with Serving(autostart=True) as server:
        await settle(lambda: server.stage.scene.ledger.powered)
        text, _ = await scraped(server, accept)
    read = read_openmetrics if accept == OPENMETRICS else read_prometheus
    for family in read(text):
        assert family.name.startswith("wattrace_") and family.documentation.endswith(".")
        assert family.name == family.name.lower()


@pytest.mark.parametrize("version", ["abc", "1.x", "", ";", "²", "9" * 5000, "1.0.0;escaping=rubbish"])
async def test_an_accept_header_that_cannot_be_read_is_answered_in_text(version: str) -> None:
    with Serving() as server:
        text, kind = await scraped(server, f"application/openmetrics-text; version={version}")
    assert kind.startswith(("text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"))
    assert "wattrace_viewers" in text
