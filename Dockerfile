# Four images, each a target: collector, recorder, dashboard, and battery (the simulated one of the
# demo).
# The build backend, the sources and pip's leavings stay in the stages that build.
# Nothing here knows the machine: the wheels are there for amd64 and for arm64.
FROM python:3.13-slim AS build
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# What is installed from an index is in a lock file, and is checked against its hash.
ENV LOCKED="--require-hashes --only-binary :all: -r"
ENV INTO="pip --python /opt/bluenova/bin/python install"
WORKDIR /src
RUN python -m venv --without-pip /opt/bluenova
# The build backend is a part of the tests' lock file, and so is all that a battery needs.
COPY tests/requirements.txt tests.txt
RUN --mount=type=cache,target=/var/cache/pip \
    awk '/^[a-z]/ { on = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } on' tests.txt >build.txt \
 && awk '/^[a-z]/ { on = /^(websockets|pydantic|pydantic-core|annotated-types|typing-extensions|typing-inspection)==/ } on' tests.txt >battery.txt \
 && awk '/^[a-z]/ { on = /^plotly==/ } on' tests.txt >plotly.txt \
 && pip install $LOCKED build.txt

# In each: first what changes seldom.
FROM build AS build-battery
RUN --mount=type=cache,target=/var/cache/pip $INTO $LOCKED battery.txt
# Of shared, the simulator uses little: pydantic is all that it needs for it.
COPY shared shared
COPY tools tools
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./shared ./tools \
 && $INTO --no-deps --no-index wheels/*.whl

FROM build AS build-collector
COPY collector/requirements.txt ./
RUN --mount=type=cache,target=/var/cache/pip $INTO $LOCKED requirements.txt
COPY shared shared
COPY collector collector
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./shared ./collector \
 && $INTO --no-deps --no-index wheels/*.whl

FROM build AS build-recorder
COPY recorder/requirements.txt ./
RUN --mount=type=cache,target=/var/cache/pip $INTO $LOCKED requirements.txt
COPY shared shared
# The recorder carries the SQL files by a link to this folder.
COPY sql sql
COPY recorder recorder
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./shared ./recorder \
 && $INTO --no-deps --no-index wheels/*.whl

FROM build AS build-dashboard
COPY dashboard/requirements.txt ./
# Of plotly, only its JavaScript goes into the wheel.
RUN --mount=type=cache,target=/var/cache/pip $INTO $LOCKED requirements.txt \
 && pip install --no-deps $LOCKED plotly.txt
COPY shared shared
COPY dashboard dashboard
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./shared ./dashboard \
 && $INTO --no-deps --no-index wheels/*.whl

FROM python:3.13-slim AS run
# A number, so that the engine can tell that it is not root; no such user is on the host.
ARG UID=10001
ENV PATH=/opt/bluenova/bin:$PATH PYTHONUNBUFFERED=1

FROM run AS battery
COPY --from=build-battery /opt/bluenova /opt/bluenova
USER $UID:$UID
# Only those who share a network with it can reach it; no port of it is published.
CMD ["bluenova-simulator", "--host", "0.0.0.0"]

FROM run AS collector
# The outbox; a new volume takes over its owner.
RUN install -d -o $UID -g $UID -m 700 /data
ENV OUTBOX_PATH=/data/outbox.sqlite
COPY --from=build-collector /opt/bluenova /opt/bluenova
USER $UID:$UID
CMD ["bluenova-collector"]

FROM run AS recorder
COPY --from=build-recorder /opt/bluenova /opt/bluenova
USER $UID:$UID
CMD ["bluenova-recorder"]

FROM run AS dashboard
COPY --from=build-dashboard /opt/bluenova /opt/bluenova
USER $UID:$UID
# Inside a container; the address at which others reach it is that of the published port.
ENV DASHBOARD_BIND=0.0.0.0
CMD ["bluenova-dashboard"]
