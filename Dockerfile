# The emulator itself in a container. Functions run as processes inside it, or, with an engine's
# socket mounted, in containers beside it: compose.yaml shows both. Or in a cluster, in pods:
# deploy/kubernetes.
#
#   docker build -t localfaas .
#   docker run --rm --init -p 127.0.0.1:4566:4566 -v "$PWD/sample_functions:/functions:ro" localfaas
#
# Where no registry is reachable, give an image that is here: it needs Python 3.11 or newer, with
# its venv module, and what functions are to find (Node.js, say).
ARG BASE_IMAGE=python:3.12-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
# First what seldom changes: the emulator's requirements.
COPY pyproject.toml .
# With the client of Kubernetes, so that the image runs in a cluster, too.
RUN python3 -m venv /opt/localfaas && python3 -c "import tomllib; \
  project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
  print(*project['dependencies'], *project['optional-dependencies']['kubernetes'], sep='\\n')" \
  >requirements.txt && /opt/localfaas/bin/pip install --no-cache-dir -r requirements.txt
COPY README.md .
COPY emulator emulator
COPY runtimes runtimes
RUN /opt/localfaas/bin/pip install --no-cache-dir --no-deps .

FROM ${BASE_IMAGE}
COPY --from=build /opt/localfaas /opt/localfaas
RUN mkdir /functions /state && chown 1000:1000 /state
ENV PATH=/opt/localfaas/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    # All addresses of the container, none of the machine's: `-p` says which of those lead here.
    # Which names a request may call the emulator by is another matter: LOCALFAAS_ALLOW_HOST adds
    # some to localhost, e.g. the service's name for others in its network.
    LOCALFAAS_HOST=0.0.0.0
# A number, so that Kubernetes, too, can see that it is not root.
USER 1000:1000
WORKDIR /functions
EXPOSE 4566
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://localhost:4566/_emulator/health', timeout=2)"]
ENTRYPOINT ["localfaas"]
CMD ["up"]
