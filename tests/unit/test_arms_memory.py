"""Shares of GPU memory: they fit together, the demo's own wishes count, and what cannot be is refused in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arms.memory import Claim, GpuMemory, Mode, Shares, claims, least_freed_bytes, share_out
from engine.config import Arm, parse_demo
from engine.errors import ArmUnavailable

GB = 1e9
H100 = GpuMemory(80 * GB, 79 * GB)


def two(**first: float) -> list[Claim]:
    return [Claim("A", (0,), **first), Claim("B", (0,))]


def given_to(shares: Shares) -> dict[str, float]:
    return {label: share.share for label, share in shares.of.items()}


def test_without_wishes_everybody_gets_the_same() -> None:
    assert given_to(share_out(two(), {})) == {"A": 0.45, "B": 0.45}
    shares = share_out(two(), {0: H100})
    assert given_to(shares) == {"A": 0.45, "B": 0.45} and not shares.by_turns
    assert shares.of["B"].why == "arm B gets 0.45 of GPU 0 (33.5 GiB): an equal part of what is free beside A"


def test_arms_on_gpus_of_their_own_get_all_of_them() -> None:
    alone = [Claim("A", (0,)), Claim("B", (1, 2))]
    assert given_to(share_out(alone, {}, mode="parallel")) == {"A": 0.9, "B": 0.9}


def test_a_wish_is_granted_and_the_rest_shared() -> None:
    three = [Claim("A", (0,), share=0.5), Claim("B", (0,)), Claim("C", (0,))]
    shares = share_out(three, {0: H100})
    assert given_to(shares) == {"A": 0.5, "B": 0.2, "C": 0.2}
    assert "as the demo asks" in shares.of["A"].why


def test_what_others_hold_is_not_given_away() -> None:
    shares = given_to(share_out(two(), {0: GpuMemory(80 * GB, 40 * GB)}))
    assert shares == {"A": 0.24, "B": 0.24}


def test_an_arm_on_two_gpus_gets_what_the_fuller_one_has() -> None:
    asked = [Claim("A", (0, 1)), Claim("B", (1,))]
    assert given_to(share_out(asked, {})) == {"A": 0.45, "B": 0.45}


@pytest.mark.parametrize("mode", ["alternate", "shared", "parallel"])
def test_wishes_beyond_what_is_free_are_refused(mode: Mode) -> None:
    greedy = [Claim("A", (0,), share=0.6), Claim("B", (0,), share=0.6)]
    with pytest.raises(ArmUnavailable) as refused:
        share_out(greedy, {0: H100}, mode=mode)
    text = str(refused.value)
    assert "arm B: the shares of GPU 0's memory do not fit together: A 0.6 and B 0.6" in text
    assert "73.6 of its 74.5 GiB are free" in text and "lower gpu_memory_utilization" in text


def test_weights_that_do_not_fit_are_refused_or_race_by_turns() -> None:
    asked = [Claim("A", (0,), weight_bytes=50 * GB), Claim("B", (0,), weight_bytes=50 * GB)]
    with pytest.raises(
        ArmUnavailable, match=r"arm A: its weights need 48\.1 GiB of GPU 0 .* share of 0\.45 is 33\.5 GiB"
    ):
        share_out(asked, {0: H100})
    shares = share_out(asked, {0: H100}, can_sleep=True, main_memory_bytes=200 * GB)
    assert shares.by_turns and given_to(shares) == {"A": 0.879, "B": 0.879}
    assert shares.of["A"].why.endswith("by turns, while B sleep")
    with pytest.raises(ArmUnavailable, match=r"need 46\.6 GiB of main memory, and 18\.6 GiB are free"):
        share_out(asked, {0: H100}, can_sleep=True, main_memory_bytes=20 * GB)


def test_wishes_that_fit_alone_race_by_turns_where_arms_can_sleep() -> None:
    greedy = [Claim("A", (0,), share=0.6), Claim("B", (0,), share=0.7)]
    shares = share_out(greedy, {0: H100}, can_sleep=True)
    assert shares.by_turns and given_to(shares) == {"A": 0.6, "B": 0.7}
    for mode in ("shared", "parallel"):
        with pytest.raises(ArmUnavailable, match="do not fit together"):
            share_out(greedy, {0: H100}, mode=mode, can_sleep=True)
    with pytest.raises(ArmUnavailable, match="do not fit together"):
        share_out([*greedy, Claim("C", (0,), share=0.95)], {0: H100}, can_sleep=True)


def test_an_arm_that_may_be_started_again_does_not_race_by_turns() -> None:
    greedy = [Claim("A", (0,), share=0.6), Claim("B", (0,), share=0.7, restarts=True)]
    with pytest.raises(ArmUnavailable, match=r"arm B: it is to be restarted, but .* by turns only; take restart out"):
        share_out(greedy, {0: H100}, can_sleep=True)


def test_asleep_is_who_gave_half_of_its_share_away() -> None:
    asked = [Claim("A", (0, 1), share=0.6), Claim("B", (0,), share=0.7)]
    shares = share_out(asked, {0: H100, 1: H100}, can_sleep=True)
    assert (
        shares.by_turns and shares.of["A"].size_bytes == 0.6 * 160 * GB and shares.of["B"].size_bytes == 0.7 * 80 * GB
    )
    assert share_out(asked, {0: H100}, can_sleep=True).of["A"].size_bytes is None, "one board of two is not known"
    plain, sized = Arm(name="a"), Arm(name="b", args={"kv_cache_memory_bytes": 1 << 30})
    assert least_freed_bytes(plain, 56 * GB) == 28 * GB
    assert least_freed_bytes(plain, None) is least_freed_bytes(sized, 56 * GB) is None


def test_weights_too_large_for_the_gpu_itself_are_refused() -> None:
    asked = [Claim("A", (0,), weight_bytes=140 * GB), Claim("B", (0,), weight_bytes=140 * GB)]
    with pytest.raises(ArmUnavailable, match=r"share alone of 0\.879 is 65\.5 GiB; choose a smaller model"):
        share_out(asked, {0: H100}, can_sleep=True)
    spread = [Claim("A", (0, 1, 2, 3), weight_bytes=140 * GB)]
    assert given_to(share_out(spread, dict.fromkeys(range(4), H100))) == {"A": 0.9}


def test_a_full_gpu_has_no_share_to_give() -> None:
    with pytest.raises(ArmUnavailable, match=r"arm A: .*0\.7 of its 74\.5 GiB are free"):
        share_out(two(), {0: GpuMemory(80 * GB, 0.8 * GB)})


def test_claims_come_from_the_demo() -> None:
    demo = parse_demo(
        "title: T\nmodel: {gpu: m}\n"
        "arms: [{name: a, args: {dtype: float32}}, {name: b, gpus: [GPU-1], args: {gpu_memory_utilization: 0.3}}]",
        file="f",
    )
    assert claims(demo, 3 * GB) == [Claim("A", (0,), None, 6 * GB), Claim("B", ("GPU-1",), 0.3, 3 * GB)]


@given(
    wishes=st.lists(st.none() | st.floats(0.05, 0.95), min_size=1, max_size=6),
    free=st.none() | st.floats(0.0, 1.0),
    weights=st.none() | st.floats(1e8, 1e11),
    can_sleep=st.booleans(),
)
def test_shares_never_exceed_what_is_free(
    wishes: list[float | None], free: float | None, weights: float | None, can_sleep: bool
) -> None:
    asked = [Claim(label, (0,), wish, weights) for label, wish in zip("ABCDEF", wishes, strict=False)]
    gpu = GpuMemory(80 * GB, None if free is None else free * 80 * GB)
    try:
        shares = share_out(asked, {0: gpu}, can_sleep=can_sleep)
    except ArmUnavailable as error:
        assert error.problem and error.remedy
        return
    values = list(given_to(shares).values())
    most = 1.0 if free is None else free
    assert all(value > 0 for value in values)
    assert (max(values) if shares.by_turns else sum(values)) <= most + 1e-6
    assert all(wish in (None, value) for wish, value in zip(wishes, values, strict=True))
    if weights is not None:
        assert all(value * 80 * GB > weights for value in values)
