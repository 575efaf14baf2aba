"""Looks at everything that a demo's arms need: interpreters, arguments, models, servers and programs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from engine.arguments.asking import NoAnswer, NoVllm, accepted_by
from engine.arms import hub
from engine.arms.command import command_launch
from engine.arms.openai import OpenAiArm, openai_launch
from engine.arms.vllm import vllm_launch
from engine.config import Arm, Demo
from engine.doctor import contenders, memory, probes
from engine.doctor.findings import Finding
from engine.doctor.looking import Look
from engine.errors import ArgumentRefused, ArmError, ArmUnavailable

_ANSWER_SECONDS = 15.0
"""How long a server may take to answer; one that is loading its model may take longer, and is then not ready."""


async def look_at_arms(demo: Demo, nvml: Look) -> AsyncIterator[Finding]:
    """What there is of each arm's needs, vLLM's first; `nvml` is what sampling the GPUs came to."""
    pairs = list(zip(demo.labels, demo.arms, strict=True))
    vllm = [(label, arm) for label, arm in pairs if arm.runtime == "vllm"]
    if vllm:
        async for finding in _interpreters(demo, vllm):
            yield finding
        for finding in [*_models(demo, [arm for _, arm in vllm]), *_memory(demo, nvml)]:
            yield finding
    for label, arm in pairs:
        if arm.runtime == "openai":
            yield await _server(label, arm)
        elif arm.runtime == "command":
            yield _program(label, arm)


async def _interpreters(demo: Demo, arms: list[tuple[str, Arm]]) -> AsyncIterator[Finding]:
    """Each interpreter once, with the arms that it is to run, and then every arm's arguments."""
    users: dict[str, list[str]] = {}
    refusals: dict[tuple[str, str], list[tuple[str, ArmUnavailable]]] = {}
    told: list[Finding] = []
    versions: dict[str, str | None] = {}
    broken: set[str] = set()
    for label, arm in arms:
        try:
            # Shares of memory have findings of their own: any will do here.
            python = (await asyncio.to_thread(vllm_launch, demo, arm, label, share=0.5)).command[0]
        except ArmUnavailable as error:
            check = "arguments" if isinstance(error, ArgumentRefused) else "vllm"
            refusals.setdefault((check, error.problem), []).append((label, error))
        else:
            users.setdefault(python, []).append(label)
            try:
                versions[python] = await asyncio.to_thread(_version, python, arm)
            except NoAnswer:
                broken.add(python)
            else:
                told.append(contenders.arguments(label, arm.args, versions[python]))
    for python, labels in users.items():
        if python in broken:
            yield contenders.no_interpreter(_together(labels), python)
        else:
            yield contenders.interpreter(_together(labels), python, versions[python])
    for finding in told:
        yield finding
    for (check, problem), its in refusals.items():
        if repr(demo.model.cpu) not in problem:  # the model has a finding of its own
            yield contenders.refused(check, _together([label for label, _ in its]), its[0][1])


def _version(python: str, arm: Arm) -> str | None:
    """Of an arm's vLLM, which has just been asked for its arguments; None where it did not tell. Raises NoAnswer."""
    try:
        accepted = accepted_by(python, arm.env)
    except NoVllm:
        return None
    return accepted.version if accepted else None


def _memory(demo: Demo, nvml: Look) -> Iterator[Finding]:
    folder = _model_folder(demo, demo.model.cpu if demo.on_cpu else demo.model.gpu)
    weights, free = None if folder is None else hub.weight_bytes(folder), probes.available_memory()
    if demo.on_cpu:
        yield from memory.on_the_cpu(demo, weight_bytes=weights, available_bytes=free)
    elif nvml.refusal is None:
        yield from memory.on_gpus(demo, nvml.devices, nvml.rows, weight_bytes=weights, main_bytes=free)


def _model_folder(demo: Demo, name: str | None, revision: str | None = None) -> Path | None:
    assert name is not None, "config checks that the chosen device has a model"
    return hub.cpu_model_folder(name) if demo.on_cpu else hub.gpu_model_folder(name, revision)


def _models(demo: Demo, arms: list[Arm]) -> Iterator[Finding]:
    """The demo's model, and those that guess ahead for it."""
    name = demo.model.cpu if demo.on_cpu else demo.model.gpu
    assert name is not None, "config checks that the chosen device has a model"
    offline, token = hub.offline(), hub.has_token()
    for each, revision in dict.fromkeys([(name, _revision(arm)) for arm in arms] + [*_drafts(arms)]):
        folder = _model_folder(demo, each, revision)
        yield contenders.model(each, folder, on_cpu=demo.on_cpu, offline=offline, token=token)
    if not demo.on_cpu:
        yield contenders.hub(offline)


def _revision(arm: Arm) -> str | None:
    revision = arm.args.get("revision")
    return revision if isinstance(revision, str) else None


def _drafts(arms: list[Arm]) -> Iterator[tuple[str, str | None]]:
    """Models that speculate for an arm's own."""
    for arm in arms:
        config = arm.args.get("speculative_config")
        draft = config.get("model") if isinstance(config, dict) else None
        if isinstance(draft, str):
            yield draft, None


async def _server(label: str, arm: Arm) -> Finding:
    """Whether an openai arm's server answers as the race would ask it."""
    try:
        there = OpenAiArm(label, openai_launch(arm, label))
        async with asyncio.timeout(_ANSWER_SECONDS):
            await there.start()
    except ArmError as error:
        return contenders.refused("server", _together([label]), error)
    except TimeoutError:
        problem = f"arm {label}: the server at {arm.url} is not ready after {_ANSWER_SECONDS:.0f} s"
        return Finding("server", "problem", problem, "wait until it has loaded its model, or see its own log")
    return contenders.server(label, there.launch.url, there.model)


def _program(label: str, arm: Arm) -> Finding:
    try:
        return contenders.program(label, command_launch(arm, label, {}).command)
    except ArmUnavailable as error:
        return contenders.refused("command", _together([label]), error)


def _together(labels: list[str]) -> str:
    return f"arm {labels[0]}" if len(labels) == 1 else f"arms {', '.join(labels)}"
