# The image of imagegate: the gateway, its command line, its console and the server it embeds; see
# docs/operations/containers.md. It builds on any Debian that has Python 3.11 or newer with its venv module.
ARG BASE_IMAGE=python:3.13-slim-trixie

FROM ${BASE_IMAGE} AS build
WORKDIR /build
# pip stays in an environment of its own, so that none is in the one that is copied.
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/imagegate
COPY requirements/traces.txt requirements/
# Exactly the locked wheels: nothing is compiled, so no compiler is needed here either. Who builds behind a mirror hands
# in a pip.conf, and the authority its `cert` names; no layer keeps either.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    tools/bin/pip --python /opt/imagegate/bin/python install --no-cache-dir --no-compile --only-binary=:all: \
        --require-hashes -r requirements/traces.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
# Bytecode is written here, for at run time there is nowhere to write it to. It is unchecked, because layers may change
# the times of files, and Python would then compile everything at each start.
RUN tools/bin/pip --python /opt/imagegate/bin/python install --no-index --no-deps --no-build-isolation --no-compile . \
    && tools/bin/pip --python /opt/imagegate/bin/python uninstall --yes flit_core \
    && /opt/imagegate/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/imagegate/lib

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="imagegate" \
      org.opencontainers.image.description="An OpenAI-compatible gateway for image generation" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# /data is one replica's own, /shared what several replicas share: a new volume gets the owner of the folder under it.
RUN groupadd --gid 10001 imagegate \
    && useradd --uid 10001 --gid imagegate --home-dir /data --no-create-home --shell /usr/sbin/nologin imagegate \
    && install --directory --owner=imagegate --group=imagegate --mode=0700 /data /shared
COPY --from=build /opt/imagegate /opt/imagegate
ENV PATH=/opt/imagegate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    IMAGEGATE_HOST=0.0.0.0 \
    IMAGEGATE_PORT=8080 \
    IMAGEGATE_DATA_DIR=/data
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Alive, not ready: who kills the unhealthy must not do so because Redis is away. A connection to the unspecified
# address is one to this machine. http.client knows nothing of HTTP_PROXY.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os; \
c = http.client.HTTPConnection(os.environ['IMAGEGATE_HOST'], int(os.environ['IMAGEGATE_PORT']), timeout=4); \
c.request('GET', '/healthz'); \
raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["imagegate"]
CMD ["serve"]
