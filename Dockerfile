# syntax=docker/dockerfile:1
# One image for every process; the command says which. Not built in CI: no Docker engine there.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /src
# The lock alone first: this layer stays cached until a dependency changes.
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY agent_workers ./agent_workers
COPY api ./api
COPY migrations ./migrations
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin agent
COPY --from=build /opt/venv /opt/venv
# A new volume takes the owner of the folder that it is mounted on.
RUN install --directory --owner=10001 --mode=0700 /var/lib/agent-workers
WORKDIR /app
USER 10001
EXPOSE 8000
# A worker hands its steps back on SIGTERM before it goes.
STOPSIGNAL SIGTERM
ENTRYPOINT ["agent-workers"]
CMD ["api"]
