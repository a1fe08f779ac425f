# The Python that all tests run on.
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m pip download --quiet --require-hashes --only-binary=:all: --dest /wheels -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY alerts alerts
COPY probes probes
COPY watcher watcher
# From here on only what the hashes of the lock let in.
RUN python -m pip install --quiet --no-index --find-links /wheels hatchling
RUN python -m pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /wheels .
RUN python -m venv --without-pip /app
RUN python -m pip --python /app/bin/python install --quiet --no-index --find-links /wheels "agentweave-watcher[fast]"
# Of 128 MB only what loads kubeconfigs and service accounts is used: no client is ever made.
RUN cd /app/lib/python3*/site-packages/kubernetes && rm -r aio client/api && \
    find client/models -mindepth 1 -name '[!_]*' -delete

FROM python:3.11-slim
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="agentweave-watcher" \
      org.opencontainers.image.description="Continuously probes AgentWeave agents from outside, and reports what is broken, and why." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 9847
ENTRYPOINT ["agentweave-watcher"]
CMD ["run", "--config", "/etc/agentweave-watcher/config.yaml"]
