# The image of OpenGrant: docker build --tag opengrant . — how to run it: docs/deploying.md, why it is so: decision 37.

ARG BASE=debian:bookworm-slim

# The wheel, with its pages. Nothing of this stage is in the image but what is copied from it.
FROM ${BASE} AS build
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
        ca-certificates libatomic1 python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
WORKDIR /source
COPY requirements requirements
RUN python3 -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/opengrant \
    && /build/bin/pip --python /opt/opengrant/bin/python install --no-cache-dir --no-compile --require-hashes \
        -r requirements/otel.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY web web
COPY src src
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-index --no-build-isolation --wheel-dir /dist . \
    && /build/bin/pip --python /opt/opengrant/bin/python install --no-cache-dir --no-compile --no-deps --no-index \
        /dist/opengrant-*.whl \
    # The file system is read-only later, so what is compiled now need not be compiled by each start.
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/opengrant/lib

FROM ${BASE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && groupadd --gid 10001 opengrant \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin opengrant \
    && install --directory --owner 10001 --group 10001 --mode 700 /data
COPY --from=build /opt/opengrant /opt/opengrant
LABEL org.opencontainers.image.title="OpenGrant" \
    org.opencontainers.image.description="A self-hosted grant server that speaks the Nylas v3 API" \
    org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/opengrant/bin:/usr/bin:/bin \
    OPENGRANT_DATA_DIR=/data \
    OPENGRANT_HOST=0.0.0.0 \
    OPENGRANT_LOG_FORMAT=json
WORKDIR /data
VOLUME /data
EXPOSE 8080
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
# The server handles SIGTERM itself and reaps its workers, so no init is needed in front of it.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["opengrant", "ready"]
ENTRYPOINT ["opengrant"]
CMD ["serve"]
