"""The Dockerfile's steps in a clean root of this machine's own distribution, for where no container engine is.

Base images are replaced by a minimal system with Python; every COPY and RUN is the Dockerfile's. What is built is
run as a container would be: processes, mounts and network of its own, a read-only root, no capabilities.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from string import Template

from dockerfile_parse import DockerfileParser

PACKAGES = "python3,python3-venv,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ENGINE = "WATTRACE_VLLM_PYTHON"
"""Steps that name it need vLLM, and are let fail."""
_BUILD_TIME = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

# What an engine mounts: the root read-only, /proc, /tmp, a small /dev and /dev/shm (64 MiB is Docker's), volumes.
_CONTAINER = """
set -eu
root=$1; shift
mount --bind "$root" "$root"
for pair in $VOLUMES; do mount --bind "${pair%%=*}" "$root${pair#*=}"; done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom; do touch "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
mkdir "$root/dev/shm"; mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/dev/shm"
mount -o remount,bind,ro "$root"
ip link set lo up
cd /
exec chroot "$root" /usr/bin/setpriv --reuid "$ID" --regid 0 --clear-groups --bounding-set=-all --inh-caps=-all \
  --no-new-privs /usr/bin/env -i --chdir="$FOLDER" -- "$@"
"""


@dataclass
class Stage:
    """One stage: its root folder, and what its instructions have set so far."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(_BUILD_TIME))
    arguments: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    settings: dict[str, str] = field(default_factory=dict)
    steps: list[tuple[str, "subprocess.CompletedProcess[str]"]] = field(default_factory=list)

    def argv(self, instruction: str) -> list[str]:
        """The exec form of ENTRYPOINT, CMD or HEALTHCHECK."""
        value = self.settings[instruction]
        found: list[str] = json.loads(value[value.index("[") :])
        return found


def needed() -> list[str]:
    """What this machine lacks to build and run a root; empty where all is there."""
    tools = ("debootstrap", "unshare", "nsenter", "setpriv", "chroot", "ip", "apt-get")
    lacking = [tool for tool in tools if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if os.geteuid() != 0:
        lacking.append("root's rights")
    elif subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], check=False).returncode != 0:
        lacking.append("the right to make namespaces")
    return lacking


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The Dockerfile's instructions and their values, in order."""
    parser = DockerfileParser(path=str(dockerfile), env_replace=False)
    return [(entry["instruction"], entry["value"]) for entry in parser.structure if entry["instruction"] != "COMMENT"]


def build_context(checkout: Path, into: Path) -> None:
    """Copy what .dockerignore lets through: `*`, then `!name` for what stands at the top, and `**/pattern`."""
    lines = [line for line in (checkout / ".dockerignore").read_text().split("\n") if line and not line.startswith("#")]
    assert lines[0] == "*"
    kept = [line[1:] for line in lines[1:] if line.startswith("!")]
    refused = [line.removeprefix("**/") for line in lines[1:] if line.startswith("**/")]
    assert 1 + len(kept) + len(refused) == len(lines), "a form of pattern that this does not know"
    for name in kept:
        _copy(checkout / name, into, ignore=lambda _, names: [n for n in names if any(fnmatch(n, p) for p in refused)])


def clean_root(cache: Path, into: Path) -> None:
    """A minimal system of this machine's distribution, from its own mirror; kept in the folder `cache`."""
    found = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    assert found is not None, "/etc/os-release names no distribution"
    codename = found[1]
    tarball = cache / f"{codename}.tar"
    into.mkdir()
    if tarball.exists():
        _checked(["tar", "-C", str(into), "-xpf", str(tarball)])
        return
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {codename}"]
    mirror = subprocess.run(targets, capture_output=True, text=True, check=True).stdout.split()[0]
    _checked(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", codename, str(into), mirror])
    _checked(["tar", "-C", str(into), "-cf", f"{tarball}.part", "."])
    Path(f"{tarball}.part").rename(tarball)


class Build:
    """Carries the Dockerfile out, stage by stage."""

    def __init__(self, context: Path, base: Path, folder: Path) -> None:
        self.context, self.base, self.folder = context, base, folder
        self.stages: dict[str, Stage] = {}
        self._defaults: dict[str, str] = {}

    def run(self, dockerfile: Path) -> Stage:
        """Every instruction in order; returns the last stage. An instruction that is not known here is an error."""
        stage: Stage | None = None
        for instruction, value in instructions(dockerfile):
            if instruction == "FROM":
                stage = self._begin(value)
            elif stage is None:
                assert instruction == "ARG", instruction
                self._defaults.update([value.split("=", 1)])
            else:
                self._carry_out(stage, instruction, value)
        assert stage is not None
        return stage

    def _begin(self, value: str) -> Stage:
        name = value.partition(" AS ")[2] or str(len(self.stages))
        root = self.folder / name
        _checked(["cp", "-a", str(self.base), str(root)])
        for file in (Path("/etc/resolv.conf"), Path("/etc/hosts"), CERTIFICATES):
            if file.exists():
                shutil.copyfile(file, root / file.relative_to("/"))
        self.stages[name] = Stage(root)
        return self.stages[name]

    def _carry_out(self, stage: Stage, instruction: str, value: str) -> None:
        match instruction:
            case "ARG":
                stage.arguments.update([value.split("=", 1)])
            case "ENV":
                for name, text in re.findall(r'(\w+)=("[^"]*"|\S+)', value):
                    stage.environment[name] = Template(text.strip('"')).substitute(stage.arguments)
            case "WORKDIR":
                stage.folder = value
                (stage.root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = value
            case "COPY":
                self._copy_into(stage, value)
            case "RUN":
                done = self._step(stage, value)
                assert done.returncode == 0 or ENGINE in value, f"{value}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
                stage.steps.append((value, done))
            case "SHELL":
                assert json.loads(value) == ["/bin/sh", "-c"]
            case "ENTRYPOINT" | "CMD" | "HEALTHCHECK" | "STOPSIGNAL" | "VOLUME" | "EXPOSE" | "LABEL":
                stage.settings[instruction] = value
            case _:
                raise AssertionError(f"{instruction} is not known here")

    def _copy_into(self, stage: Stage, value: str) -> None:
        *sources, target = value.split()
        origin = self.context
        if sources[0].startswith("--from="):
            origin = self.stages[sources.pop(0).removeprefix("--from=")].root
        place = stage.root / (target if target.startswith("/") else f"{stage.folder}/{target}").lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():  # a folder's content is copied, not the folder
                shutil.copytree(found, place, dirs_exist_ok=True)
            else:
                shutil.copy(found, place)

    def _step(self, stage: Stage, command: str) -> "subprocess.CompletedProcess[str]":
        """One RUN. pip is told of this machine's registry here, as a build argument would."""
        user, group = stage.user.split(":")
        words = [f"{name}={value}" for name, value in {**stage.environment, **_pip(), **stage.arguments}.items()]
        argv = ["chroot", f"--userspec={user}:{group}", "--groups=", str(stage.root)]
        argv += ["env", "-i", f"--chdir={stage.folder}", *words, "/bin/sh", "-c", command]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)


class Container:
    """One run of the last stage: its command is process 1 of namespaces of its own."""

    def __init__(self, stage: Stage, volumes: dict[str, Path], *, user: int, output: Path) -> None:
        self.stage, self.user = stage, user
        argv = [*stage.argv("ENTRYPOINT"), *stage.argv("CMD")]
        words = [f"{name}={value}" for name, value in stage.environment.items()]
        outside = {
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "VOLUMES": " ".join(f"{folder}={place}" for place, folder in volumes.items()),
            "ID": str(user),
            "FOLDER": stage.folder,
        }
        spaces = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork"]
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [*spaces, "sh", "-c", _CONTAINER, "sh", str(stage.root), *words, *argv],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=outside,
            )  # fmt: skip

    @property
    def first(self) -> int:
        """The id, on this machine, of the container's process 1."""
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text())

    def run(self, *argv: str, **changed: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as an engine does: beside process 1, as its user, in its environment."""
        words = [f"{name}={value}" for name, value in {**self.stage.environment, **changed}.items()]
        entered = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--net", "--root", "--wd"]
        entered += ["/usr/bin/setpriv", f"--reuid={self.user}", "--regid=0", "--clear-groups", "/usr/bin/env", "-i"]
        return subprocess.run([*entered, *words, *argv], capture_output=True, text=True, check=False, timeout=30)

    def healthy(self, **changed: str) -> "subprocess.CompletedProcess[str]":
        """Run the image's health check."""
        return self.run(*self.stage.argv("HEALTHCHECK"), **changed)

    def signal(self) -> None:
        """Send the image's STOPSIGNAL to process 1."""
        os.kill(self.first, signal.Signals[self.stage.settings["STOPSIGNAL"]])

    def end(self) -> None:
        """Kill process 1 ; the kernel takes the others along."""
        with contextlib.suppress(ValueError, OSError):
            os.kill(self.first, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


def _pip() -> dict[str, str]:
    """This machine's settings of pip that mean something in another root, as variables."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    found = re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", said, re.MULTILINE)
    settings = {
        name: value for name, value in found if name in {"index-url", "proxy", "trusted-host", "default-timeout"}
    }
    variables = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    proxies = {name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ}
    return {**variables, **proxies, "PIP_CERT": str(CERTIFICATES)}


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def _copy(source: Path, into: Path, **options: object) -> None:
    if source.is_dir():
        shutil.copytree(source, into / source.name, **options)
    else:
        shutil.copy(source, into)
