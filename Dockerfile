# One image: vLLM's own, with wattrace in an environment of its own beside it. docs/deploy.md says how to run it.

# The version that `make engine-cpu` builds, too. A digest may follow: --build-arg VLLM_VERSION=v0.32.0@sha256:...
ARG VLLM_VERSION=v0.32.0

FROM python:3.12-slim AS wheel
WORKDIR /source
COPY . .
RUN python3 -m venv /build && \
    /build/bin/python -m pip install --no-cache-dir --constraint constraints.txt hatchling && \
    /build/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM vllm/vllm-openai:${VLLM_VERSION}
# Where vLLM's image keeps the interpreter that has vLLM.
ARG VLLM_PYTHON=/usr/bin/python3
LABEL org.opencontainers.image.title="wattrace" org.opencontainers.image.licenses="MIT"
SHELL ["/bin/sh", "-c"]
USER 0:0

# Group 0 and its rights let any user id in (`--user "$(id -u):0"`), to share a model cache with the host's user.
RUN useradd --system --uid 10001 --gid 0 --no-create-home --home-dir /data --shell /usr/sbin/nologin wattrace && \
    install --directory --owner 10001 --group 0 --mode 2775 /data /models
COPY --from=wheel /wheel /opt/wheel
COPY constraints.txt docker/health.py /opt/
RUN python3 -m venv /opt/wattrace && \
    /opt/wattrace/bin/python -m pip install --no-cache-dir --constraint /opt/constraints.txt /opt/wheel/*.whl && \
    ln -s /opt/wattrace/bin/wattrace /usr/local/bin/wattrace

# Everything that anything here writes goes to /data, /models or /tmp, so the root may be read-only. PyTorch wants to
# know its user's name, which an id of no account has only by USER.
ENV HOME=/data \
    USER=wattrace \
    LOGNAME=wattrace \
    HF_HOME=/models \
    TORCHINDUCTOR_CACHE_DIR=/data/.cache/torchinductor \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    WATTRACE_VLLM_PYTHON=${VLLM_PYTHON} \
    WATTRACE_DATA=/data \
    WATTRACE_HOST=0.0.0.0 \
    WATTRACE_PORT=8765
USER 10001:0
WORKDIR /data

# As the user who will run it: an interpreter in root's home would be of no use to them.
RUN "$WATTRACE_VLLM_PYTHON" -c "import importlib.metadata as m; print(m.packages_distributions()['vllm'])" || \
    { echo "no vLLM for $WATTRACE_VLLM_PYTHON: name the base's interpreter with --build-arg VLLM_PYTHON=..." >&2; exit 1; }

VOLUME ["/data", "/models"]
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/opt/wattrace/bin/python", "-I", "/opt/health.py"]
ENTRYPOINT ["wattrace"]
CMD ["demo", "--no-browser", "--autostart"]
