"""What ``practicum doctor`` reads of a cluster, check by check, as far as the caller may look."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.api.names import API_VERSION, GROUP, NETWORK_RECORD, PROBE_NAMESPACE
from practicum.catalog.pack import bundled_sizes, default_size
from practicum.cli import examination, fitness, installation
from practicum.cli.examination import Finding, State
from practicum.cli.session import Object, Session
from practicum.cli.trial import Trial
from practicum.policy import network, room
from practicum.reconcile import rights

_SAMPLE: Final = "50"
"""ResourceQuotas that are looked at: with many labs there are thousands."""


@dataclass(frozen=True)
class Asked:
    """What the caller wants to know."""

    system: str
    """Namespace of the operator."""
    labs: int = 1
    """How many labs of each module there should be room for."""
    probe: bool = False
    """Whether things may be tried out in a namespace of their own."""
    image: str = ""
    """Image of the pods that try them; empty: the operator's."""


def _privileged(namespace: str) -> Object:
    privileged = {"name": "never", "image": "never-run", "securityContext": {"privileged": True}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "doctor-", "namespace": namespace},
        "spec": {"containers": [privileged]},
    }


class Patient:
    """What the checks read. Nothing of the cluster is changed outside the trial's namespace."""

    def __init__(
        self, session: Session, asked: Asked, deployment: Object | None, trial: Trial | None
    ) -> None:
        self._kube = session.kube
        self._session = session
        self._asked = asked
        self._system = asked.system
        self._deployment = deployment
        self._trial = trial

    async def version(self) -> Finding:
        """Is Kubernetes new enough?"""
        return examination.version(await self._kube.request("GET", "/version"))

    async def groups(self) -> Finding:
        """Does it serve the API groups that Practicum uses?"""
        wanted = list(fitness.wanted())
        served = await asyncio.gather(*map(self._resources, wanted))
        return fitness.groups(dict(zip(wanted, served, strict=True)))

    async def aggregated(self) -> Finding:
        """Do the APIs that others serve answer?"""
        return fitness.aggregated(await self._kube.list("APIService"))

    async def metrics(self) -> Finding:
        """Does somebody tell what pods use?"""
        return fitness.metrics(await self._resources(fitness.METRICS))

    async def _resources(self, group: str) -> list[Object] | None:
        """Return what is served of an API group and version; None: it is not."""
        try:
            root = "apis" if "/" in group else "api"
            answer = await self._kube.request("GET", f"/{root}/{group}")
        except errors.NotFound:
            return None
        return list(answer["resources"])

    async def may_install(self) -> Finding:
        """May the caller install the chart?"""
        wanted = rights.each(fitness.INSTALL)
        return fitness.rights(await rights.refused(self._kube, wanted))

    async def api(self) -> Finding:
        """Are our kinds served?"""
        return examination.api(await self._resources(API_VERSION))

    async def schemas(self) -> Finding:
        """Are our CRDs of this command's version?"""
        found = await self._kube.list("CustomResourceDefinition")
        plurals = {b["spec"]["names"]["plural"]: b for b in found if b["spec"]["group"] == GROUP}
        return installation.schemas(plurals)

    async def operator(self) -> Finding:
        """Does the operator run?"""
        # Whoever may not look is told so: what was read at the start is nothing to them.
        return examination.operator(await self._kube.find("Deployment", self._system, "practicum"))

    async def health(self) -> Finding:
        """Did anything befall it?"""
        pods, events = await asyncio.gather(
            self._kube.list("Pod", self._system, "app.kubernetes.io/name=practicum"),
            self._kube.list("Event", self._system, fields="type=Warning"),
        )
        return installation.health(pods, events, self._now)

    async def lease(self) -> Finding:
        """Does one replica lead?"""
        body = await self._kube.find("Lease", self._system, "practicum-operator")
        return examination.lease(body, self._deployment, self._now)

    async def rights(self) -> Finding:
        """Does RBAC let the operator do its work?"""
        wanted = list(rights.needed(self._system))
        if examination.setting(self._deployment, "PRACTICUM_PROBE_IMAGE"):
            wanted += rights.of_probe()
        account = f"system:serviceaccount:{self._system}:practicum"
        return examination.rights(await rights.refused(self._kube, wanted, account))

    async def policies(self) -> Finding:
        """Do the admission policies hold?"""
        found, bindings = await asyncio.gather(
            self._kube.list("ValidatingAdmissionPolicy"),
            self._kube.list("ValidatingAdmissionPolicyBinding"),
        )
        return examination.policies(found, bindings)

    async def root_key(self) -> Finding:
        """Is there the key that passwords are derived from?"""
        name = installation.root_key_name(self._deployment)
        return installation.root_key(name, await self._kube.find("Secret", self._system, name))

    async def courses(self) -> Finding:
        """May anybody order labs?"""
        marked = "app.kubernetes.io/name=practicum"
        return installation.courses(await self._kube.list("RoleBinding", labels=marked))

    async def images(self) -> Finding:
        """Are the images of labs on the nodes?"""
        templates, nodes = await asyncio.gather(self._templates(), self._kube.list("Node"))
        return installation.images(self._deployment, templates, nodes)

    async def labs(self) -> Finding:
        """Is a lab stuck?"""
        bodies = await self._kube.list("LabEnvironment")
        return installation.labs(bodies, self._now)

    async def network(self) -> Finding:
        """Does the network enforce NetworkPolicy?"""
        if self._trial:
            record: Object | None = {"data": network.record(await self._trial.network(), self._now)}
        else:
            record = await self._kube.find("ConfigMap", self._system, NETWORK_RECORD)
        return examination.network(record, self._now)

    @property
    def _now(self) -> datetime:
        return self._session.now()

    async def storage(self) -> Finding:
        """Do volumes of labs find a StorageClass?"""
        classes = await self._kube.list("StorageClass")
        wanted = examination.setting(self._deployment, "PRACTICUM_STORAGE_CLASS")
        found = examination.storage(classes, wanted)
        if self._trial is None or found.state is State.FAIL:
            return found
        tried = await self._trial.volume()
        if tried.state is not State.OK:
            return tried
        return examination.ok(f"{found.text}; {tried.text}")

    async def quotas(self) -> Finding:
        """Does anybody count for ResourceQuotas?"""
        if self._trial:
            made = await self._trial.quota()
            return fitness.quotas([made], self._now + fitness.SETTLED)
        path = KINDS["ResourceQuota"].path()
        page = await self._kube.request("GET", path, query={"limit": _SAMPLE})
        return fitness.quotas(page["items"], self._now)

    async def pod_security(self) -> Finding:
        """Does the API server hold pods to ``restricted``?"""
        namespace = self._trial.namespace if self._trial else PROBE_NAMESPACE
        if refused := await self._refused(_privileged(namespace)):
            found = examination.pod_security(refused)
            if found.state is not State.UNKNOWN:
                return found
        elif refused is None:
            return examination.pod_security(None)
        meta = {"generateName": "doctor-", "labels": {fitness.ENFORCE: "practicum-doctor"}}
        nonsense = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        return fitness.pod_security_plugin(await self._refused(nonsense))

    async def _refused(self, body: Object) -> str | None:
        """Ask what would become of an object; returns why it is refused, None where it is not."""
        path = KINDS[body["kind"]].path(body["metadata"].get("namespace", ""))
        try:
            await self._kube.request("POST", path, query={"dryRun": "All"}, body=body)
        except (errors.Forbidden, errors.NotFound, errors.Invalid) as error:
            return str(error)
        return None

    async def capacity(self) -> Finding:
        """How many labs fit?"""
        templates, nodes, pods = await asyncio.gather(
            self._templates(), self._kube.list("Node"), self._kube.list("Pod")
        )
        usable = room.usable(nodes, examination.node_selector(self._deployment))
        known = {body["metadata"]["name"]: default_size(body["spec"]) for body in templates}
        free = room.free(usable, pods)
        return fitness.capacity(
            free, known or bundled_sizes(), self._asked.labs, nodes=(len(usable), len(nodes))
        )

    async def _templates(self) -> list[Object]:
        """Return the shared catalogue; nothing where there is none yet."""
        try:
            return await self._kube.list("LabTemplate", self._system)
        except errors.NotFound:
            return []

    async def clock(self) -> Finding:
        """Is this machine's clock right?"""
        await self._kube.request("GET", "/version")
        return examination.clock(self._kube.skew)
