"""The checks of the Kubernetes driver for ``localfaas doctor``.

A cluster is only spoken to where somebody asks for this driver: logging in to it may take time,
or ask people for something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from emulator.driver.declaration import Finding
from emulator.driver.kubernetes.cluster import Cluster
from emulator.driver.kubernetes.rights import RIGHTS, missing
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.model.errors import ConfigurationError, DriverFault

_SUBJECT = "Kubernetes"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def glance(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether a cluster is known. Costs a look for a file."""
    if environ.get("KUBECONFIG"):
        source = environ["KUBECONFIG"]
    elif _ACCOUNT.is_dir():
        source = "this pod's service account"
    elif (file := Path("~/.kube/config").expanduser()).is_file():
        source = str(file)
    else:
        yield Finding(
            subject=_SUBJECT,
            verdict="note",
            detail="no cluster: neither a kubeconfig nor a pod's service account",
            remedy="set KUBECONFIG, or make a cluster (`kind create cluster`), to use"
            " --driver kubernetes",
        )
        return
    yield Finding(
        subject=_SUBJECT,
        verdict="ok",
        detail=f"a cluster is named by {source}; "
        "`localfaas doctor --driver kubernetes` asks it what the driver may do",
    )


def check(settings: KubernetesSettings, environ: Mapping[str, str]) -> Iterable[Finding]:
    """Return what the cluster says: whether it answers, and each right, with what is missing."""
    return asyncio.run(_check(settings, environ))


async def _check(settings: KubernetesSettings, environ: Mapping[str, str]) -> list[Finding]:
    cluster = Cluster(context=settings.context, namespace=settings.namespace, environ=environ)
    try:
        await cluster.open()
        allowed = await _allowed(cluster)
    except ConfigurationError as error:
        return [_problem(str(error), "set KUBECONFIG, or mend it")]
    except DriverFault as error:
        remedy = "`kubectl get pods` says whether the cluster answers, and who you are to it"
        return [_problem(str(error), remedy)]
    finally:
        await cluster.close()
    where = f"{cluster.server}, namespace {cluster.namespace}"
    return [Finding(_SUBJECT, "ok", where), *_rights(allowed, cluster.namespace)]


def _problem(detail: str, remedy: str) -> Finding:
    return Finding(_SUBJECT, "problem", detail, remedy)


async def _allowed(cluster: Cluster) -> list[tuple[str, str]]:
    """Return the resources and verbs that the cluster says we may use.

    https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
    """
    # One after the other: all at once would open a connection for each.
    asked = [(right.resource, verb) for right in RIGHTS for verb in right.verbs]
    return [each for each in asked if await _may(cluster, *each)]


async def _may(cluster: Cluster, resource: str, verb: str) -> bool:
    name, _, subresource = resource.partition("/")
    attributes = {"namespace": cluster.namespace, "verb": verb, "resource": name}
    if subresource:
        attributes["subresource"] = subresource
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await cluster.ask("POST", _REVIEWS, review)
    return bool(answer["status"]["allowed"])


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
            detail=f"{verbs}: refused in namespace {namespace}; without it {right.without}",
            remedy=f"add to the rules of the Role: {lack.rule}",
        )
