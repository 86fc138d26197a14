"""The checks of the Kubernetes driver for ``localfaas doctor``.

A cluster is only spoken to where somebody asks for this driver: logging in to it may take time,
or ask people for something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.driver.declaration import Finding
from emulator.driver.kubernetes.rights import RIGHTS, missing

if TYPE_CHECKING:
    from lightkube import Client

_SUBJECT = "Kubernetes"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_INSTALL = "pip install 'localfaas[kubernetes]'"
_NO_CLUSTER = Finding(
    subject=_SUBJECT,
    verdict="note",
    detail="no cluster: neither a kubeconfig nor a pod's service account",
    remedy="set KUBECONFIG, or make a cluster (`kind create cluster`), to use --driver kubernetes",
)
#: For each request. A cluster that is further away than this is of no use to functions.
_TIMEOUT_S = 5.0


def source_of_cluster(environ: Mapping[str, str]) -> str:
    """Return where the cluster's address is written; empty where there is none. Reads no file."""
    if _SERVICE_ACCOUNT.exists():
        return "this pod's service account"
    # As the client does: a single file.
    path = Path(environ.get("KUBECONFIG") or "~/.kube/config").expanduser()
    return str(path) if path.is_file() else ""


def glance(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether a cluster is known. Costs a look for a file."""
    source = source_of_cluster(environ)
    if not source:
        yield _NO_CLUSTER
        return
    yield Finding(
        subject=_SUBJECT,
        verdict="ok",
        detail=f"a cluster is named by {source}; "
        "`localfaas doctor --driver kubernetes` asks it what the driver may do",
    )


def check(namespace: str, context: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what the cluster says: whether it answers, and each right that is missing.

    Args:
        namespace: The one that pods are to run in; empty for the one of the kubeconfig's context.
        context: One of the kubeconfig's; empty for its current one.
        environ: The environment's variables.
    """
    source = source_of_cluster(environ)
    if not source:
        yield _NO_CLUSTER._replace(verdict="problem")
        return
    try:
        import lightkube  # noqa: F401
    except ImportError:
        yield Finding(_SUBJECT, "problem", "the client of Kubernetes is not installed", _INSTALL)
        return
    yield from _ask(namespace, context, source)


def _ask(namespace: str, context: str, source: str) -> Iterator[Finding]:
    import httpx2
    import yaml
    from lightkube import Client, KubeConfig
    from lightkube.core.exceptions import ApiError, ConfigError

    try:
        config = KubeConfig.from_env().get(context or None)
        assert config is not None
        client = Client(config, namespace=namespace or None, timeout=httpx2.Timeout(_TIMEOUT_S))
    # What the client says of a file that is none: it does not check one.
    except (ConfigError, yaml.YAMLError, AttributeError, LookupError, TypeError, OSError) as error:
        yield Finding(_SUBJECT, "problem", f"{source} can't be used: {error}", "mend it")
        return
    try:
        allowed = _allowed(client)
    except ApiError as error:
        yield Finding(
            _SUBJECT,
            "problem",
            f"{config.cluster.server} refuses: {error}",
            "log in to the cluster again: `kubectl auth whoami` shows whether that helped",
        )
        return
    except (httpx2.HTTPError, OSError) as error:
        yield Finding(
            _SUBJECT,
            "problem",
            f"{config.cluster.server} does not answer: {error or type(error).__name__}",
            f"start the cluster, or correct {source}",
        )
        return
    yield Finding(_SUBJECT, "ok", f"{config.cluster.server}, namespace {client.namespace}")
    yield from _rights(allowed, client.namespace)


def _allowed(client: Client) -> list[tuple[str, str]]:
    """Return the resources and verbs that the cluster says we may use.

    https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
    """
    from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
    from lightkube.resources.authorization_v1 import SelfSubjectAccessReview

    found = []
    for right in RIGHTS:
        resource, _, subresource = right.resource.partition("/")
        for verb in right.verbs:
            asked = ResourceAttributes(
                namespace=client.namespace, verb=verb, resource=resource, subresource=subresource
            )
            spec = SelfSubjectAccessReviewSpec(resourceAttributes=asked)
            answer = client.create(SelfSubjectAccessReview(spec=spec))
            if answer.status is not None and answer.status.allowed:
                found.append((right.resource, verb))
    return found


def _rights(allowed: list[tuple[str, str]], namespace: str) -> Iterator[Finding]:
    lacking = {right.resource: right for right in missing(allowed)}
    for right in RIGHTS:
        lack = lacking.get(right.resource)
        if lack is None:
            yield Finding(f"right to {right.resource}", "ok", ", ".join(right.verbs))
            continue
        verbs = ", ".join(lack.verbs)
        yield Finding(
            subject=f"right to {right.resource}",
            verdict="problem" if right.needed else "note",
            detail=f"{verbs} is refused in namespace {namespace}; without it {right.without}",
            remedy=f"add to the rules of the Role: {lack.rule}",
        )
