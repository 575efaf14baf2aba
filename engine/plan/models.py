"""The model that a demo's vLLM arms load: whether it is here, and which revision of it that is."""

from pathlib import Path

from engine.arms.hub import gpu_model_folder, offline
from engine.config import Arm, Demo
from engine.errors import ArmUnavailable


def downloads(demo: Demo) -> list[str]:
    """A note for each model that vLLM will fetch; raises ArmUnavailable where it may not.

    Hubs other than Hugging Face's have addresses of their own, and are not looked into.
    """
    notes = []
    for label, name, revision in _wanted(demo):
        if "://" in name or Path(name).exists() or gpu_model_folder(name, revision) is not None:
            continue
        missing = f"the model {name} is not whole on this machine"
        if forbidden := offline():
            problem = f"{missing}, and {forbidden} forbids to download it"
            raise ArmUnavailable(label, problem, remedy=f"huggingface-cli download {name}, where the hub may be asked")
        notes.append(f"{missing}: vLLM downloads it now, which may take long")
    return list(dict.fromkeys(notes))


def revision(demo: Demo) -> str | None:
    """The commit of the hub's model that the arms load, each once, as far as it is here; None where none is known."""
    return (
        " and ".join(dict.fromkeys(commit for _, name, tag in _wanted(demo) if (commit := _commit(name, tag)))) or None
    )


def _wanted(demo: Demo) -> list[tuple[str, str, str | None]]:
    """Every vLLM arm on a GPU with its model and that one's branch, tag or commit."""
    name, arms = demo.model.gpu, zip(demo.labels, demo.arms, strict=True)
    if demo.on_cpu or name is None:
        return []
    return [(label, name, _tag(arm)) for label, arm in arms if arm.runtime == "vllm"]


def _tag(arm: Arm) -> str | None:
    tag = arm.args.get("revision")
    return tag if isinstance(tag, str) else None


def _commit(name: str, tag: str | None) -> str | None:
    """The name of the folder that the hub's cache keeps it in; without one, what the arm asks for."""
    folder = gpu_model_folder(name, tag)
    return folder.name if folder is not None and folder.parent.name == "snapshots" else tag
