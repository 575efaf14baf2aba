"""Servers of others as arms, which speak the API badly, want keys, and die."""

from pathlib import Path

import pytest

from engine.documents import MarkKind
from engine.entrants import ServedEntrant
from engine.errors import ArmError, ArmNotReady, ArmUnavailable
from integration.acts import SMALL, turn, until
from integration.staging import RudeServer, staged

KEY = "sk-a-very-secret-key-0123456789"


def servers(*urls: str, more: str = "") -> str:
    return "".join(f"- {{name: s{n}, runtime: openai, url: '{url}'{more}}}\n" for n, url in enumerate(urls))


@pytest.mark.parametrize("modes", [(), ("dribbles",), ("odd-models",), ("loading",)])
async def test_a_server_that_is_merely_odd_is_an_arm(tmp_path: Path, modes: tuple[str, ...]) -> None:
    with RudeServer(*modes) as server:
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            load = await turn(stage, 0.5)
            assert load.complete and load.finished and not load.estimated
            entrant = stage.lineup.entrants["A"]
            assert isinstance(entrant, ServedEntrant)
            assert entrant.strangers == {server.process.pid}, "found behind its port"
            [ready] = [mark for mark in stage.marks(MarkKind.ARM) if mark.arm == "A" and mark.state == "ready"]
            assert ready.data["effective"] == {"told_by": "arguments", "url": server.url, "model": "rude"}
        assert server.process.poll() is None, "it is not ours to end"
    finished = [mark for mark in stage.marks(MarkKind.REQUEST_FINISHED) if mark.arm == "A"]
    assert {mark.data["completion_tokens"] for mark in finished} == {7}, "as its usage says"
    assert not [mark for mark in stage.marks(MarkKind.WARNING) if mark.data.get("code") == "remote_server"]


@pytest.mark.parametrize(("mode", "tokens"), [("silent-usage", 6), ("refuses-options", 6), ("fat-chunks", 12)])
async def test_without_exact_usage_chunks_are_counted_and_said_to_be(tmp_path: Path, mode: str, tokens: int) -> None:
    with RudeServer(mode) as server:
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            load = await turn(stage, 0.5)
            assert load.complete and load.finished and load.estimated
            reasons = stage.narrator.ledger.summaries()[0]["reasons"]
    finished = stage.marks(MarkKind.REQUEST_FINISHED)
    assert {(mark.data["completion_tokens"], mark.data["estimated"]) for mark in finished} == {(tokens, True)}
    assert "estimated_tokens" in reasons


async def test_a_server_without_a_list_needs_its_model_named(tmp_path: Path) -> None:
    with RudeServer("no-models") as server:
        with pytest.raises(ArmUnavailable, match=r"lists no model \(HTTP 404\); name its model in the arm's model"):
            async with staged(tmp_path, servers(server.url, server.url)):
                pass
        async with staged(tmp_path / "named", servers(server.url, server.url, more=", model: rude")) as stage:
            assert stage.states("A") == ["starting", "ready"]
        with pytest.raises(ArmError, match=r"first request failed: HTTP 404: .*no model rudest"):
            async with staged(tmp_path / "wrong", servers(server.url, server.url, more=", model: rudest")):
                pass


async def test_of_several_models_one_must_be_named(tmp_path: Path) -> None:
    with RudeServer("many-models") as server:
        with pytest.raises(ArmUnavailable, match="serves several models: rude, ruder; name one"):
            async with staged(tmp_path, servers(server.url, server.url)):
                pass
        async with staged(tmp_path / "named", servers(server.url, server.url, more=", model: ruder")) as stage:
            assert stage.lineup.entrants["B"].running == 0


async def test_where_nobody_answers_the_url_is_named(tmp_path: Path) -> None:
    with RudeServer() as server:
        url = server.url
    with pytest.raises(ArmNotReady, match=rf"nothing answers at {url}: .*; start that server, or correct the url"):
        async with staged(tmp_path, servers(url, url)):
            pass


async def test_a_key_that_is_not_set_is_missed_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ArmUnavailable, match=r"the variable NO_SUCH_KEY .* is not set; export NO_SUCH_KEY="):
        async with staged(
            tmp_path, servers("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1", more=", api_key_env: NO_SUCH_KEY")
        ):
            pass


async def test_the_key_gets_in_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with RudeServer("key", RUDE_KEY=KEY) as server:
        with pytest.raises(ArmUnavailable, match=r"refuses requests without a key .*HTTP 401.*api_key_env"):
            async with staged(tmp_path, servers(server.url, server.url)):
                pass
        async with staged(tmp_path / "in", servers(server.url, server.url, more=", api_key_env: MY_KEY")) as stage:
            assert (await turn(stage, 0.5)).complete
            assert KEY not in repr(stage.plan) + repr(vars(stage.lineup.entrants["A"]))
    assert all(KEY not in file.read_text() for file in (tmp_path / "in").glob("*.jsonl"))
    assert KEY not in caplog.text


async def test_a_key_that_a_server_sends_back_is_struck_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with RudeServer("tells-key") as server, pytest.raises(ArmError, match=r"something broke.*\*\*\*") as caught:
        async with staged(tmp_path, servers(server.url, server.url, more=", api_key_env: MY_KEY")):
            pass
    assert KEY not in str(caught.value) and KEY not in repr(caught.value)
    recorded = (tmp_path / "race.jsonl").read_text()
    assert "something broke" in recorded and KEY not in recorded
    with (
        RudeServer("key", RUDE_KEY="another") as server,
        pytest.raises(ArmUnavailable, match="correct what is in MY_KEY"),
    ):
        async with staged(tmp_path / "wrong", servers(server.url, server.url, more=", api_key_env: MY_KEY")):
            pass


async def test_a_server_that_dies_while_it_answers(tmp_path: Path) -> None:
    with RudeServer("dies") as server:
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            load = await turn(stage)
            assert load.problem is not None and load.failed
            await until(lambda: len(stage.deaths) == 2)
            assert {death.arm for death in stage.deaths} == {"A", "B"}, "the other arm is the same server"
            assert "nothing answers any more" in str(stage.deaths[0])
    assert stage.states("A")[-1] == "failed"


async def test_a_server_that_dies_while_it_rests(tmp_path: Path) -> None:
    with RudeServer() as first, RudeServer() as second:
        async with staged(tmp_path, servers(first.url, second.url), more=SMALL) as stage:
            second.kill()
            await until(lambda: stage.deaths)
            assert stage.deaths[0].arm == "B"
            assert (await turn(stage, 0.5)).complete, "the other one goes on"


async def test_a_server_far_away_is_said_to_have_no_watts_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RudeServer() as server:
        monkeypatch.setattr("engine.arms.openai.is_own_host", lambda host: False)
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            flags = [mark for mark in stage.marks(MarkKind.WARNING) if mark.data.get("code") == "remote_server"]
            assert [flag.arm for flag in flags] == ["A", "B"] and all(flag.data["open"] is True for flag in flags)
