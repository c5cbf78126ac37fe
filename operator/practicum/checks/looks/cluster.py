"""Looks at what the API server has and would do: object, access, dryRun, reach."""

from typing import Any, Final

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.api.looks.cluster import AccessCheck, DryRunCheck, ObjectCheck, ReachCheck, Right
from practicum.checks import findings, values
from practicum.checks.findings import PASSED, Finding
from practicum.checks.outcomes import LearnerFailed, LookBroken, Unsupported
from practicum.checks.scene import Object, Scene, is_own
from practicum.desired import access as accounts
from practicum.kube.client import Kube
from practicum.kube.person import direct
from practicum.policy.network import Enforcement
from practicum.policy.pods import is_ready

_NAMED: Final = 3


async def fetch_objects(scene: Scene, look: ObjectCheck) -> list[Object]:
    """Return the objects that a look is about, whatever they say."""
    found = await scene.objects(look.kind, look.namespace, look.labels)
    return [
        one
        for one in found
        if look.name in ("", one["metadata"]["name"]) and (is_own(one) or not look.own)
    ]


async def look_at_objects(scene: Scene, look: ObjectCheck) -> Finding:
    """Count the objects that are as they should be."""
    found = await fetch_objects(scene, look)
    wrong = {}
    for one in found:
        trouble = values.difference(look.match, one) or values.violation(look.expect, one)
        if trouble:
            wrong[one["metadata"]["name"]] = trouble
    good = len(found) - len(wrong)
    if good >= look.count.min and (look.count.max is None or good <= look.count.max):
        return PASSED
    what = f"{look.kind} {look.name}".strip()
    if look.count.max is not None and good > look.count.max:
        names = ", ".join(one["metadata"]["name"] for one in found)
        return findings.failed(
            f"{what} in {look.namespace}: {good} found, at most {look.count.max} may be there",
            f"at most {look.count.max}",
            names,
        )
    if wrong:
        name, trouble = next(iter(wrong.items()))
        return findings.differs(trouble, f"{look.kind} {name} in {look.namespace}")
    return findings.failed(
        f"{what} in {look.namespace}: {good} found, {look.count.min} needed",
        f"at least {look.count.min}",
        str(good),
    )


def username(scene: Scene, account: str) -> str:
    """Return the name under which the API server knows an account of the lab.

    Raises:
        Unsupported: it was handed to a group, whose members nobody knows.
    """
    lab, persona = scene.lab, account.partition("/")[2]
    given = lab.resource.spec.personas.get(persona) if lab.settings.allow_subjects else None
    if given is None:
        return f"system:serviceaccount:{lab.course}:{accounts.account(lab, persona or 'learner')}"
    if given.subject.kind != "User":
        raise Unsupported(f"persona {persona} is a group: nobody knows who is in it")
    return given.subject.name


async def look_at_access(scene: Scene, look: AccessCheck) -> Finding:
    """Ask the API server's authorizer for every right."""
    user = username(scene, look.as_)
    for right in look.can:
        review: Object = {
            "apiVersion": KINDS["SubjectAccessReview"].api_version,
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user,
                "groups": _groups(user),
                "resourceAttributes": _attributes(scene, right),
            },
        }
        status = (await scene.means.kube.create(review))["status"]
        if bool(status.get("allowed")) is not right.expect:
            may = "may" if status.get("allowed") else "may not"
            ought = "may" if right.expect else "may not"
            what = f"{right.verb} {right.resource} in {right.namespace}"
            return findings.failed(f"{look.as_} {may} {what}", f"{look.as_} {ought} {what}", may)
    return PASSED


def _groups(user: str) -> list[str]:
    if not user.startswith("system:serviceaccount:"):
        return ["system:authenticated"]
    namespace = user.split(":")[2]
    accounts_of = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return [*accounts_of, "system:authenticated"]


def _attributes(scene: Scene, right: Right) -> dict[str, str]:
    resource, _, subresource = right.resource.partition("/")
    return {
        "namespace": scene.namespace(right.namespace),
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "name": right.name,
    }


async def look_at_dry_run(scene: Scene, look: DryRunCheck) -> Finding:
    """Let somebody create an object without creating it, with a token of their own."""
    lab, persona = scene.lab, look.as_.partition("/")[2] or accounts.LEARNER
    if persona in lab.resource.spec.personas:
        raise Unsupported(f"persona {persona} is somebody's: nobody else acts in their name")
    token = await scene.token(accounts.account(lab, persona))
    said = await _refusal(scene.means.kube, token, look.manifest)
    denied = bool(said)
    if denied is not (look.expect == "denied"):
        return findings.failed(
            f"{look.as_}: creating {look.manifest.get('kind')} was "
            + (f"refused: {said}" if denied else "allowed"),
            look.expect,
            "denied" if denied else "allowed",
        )
    if look.reason and look.reason not in said:
        text = f"{look.as_} was refused for another reason: {said}"
        return findings.failed(text, f"… {look.reason} …", said)
    return PASSED


async def _refusal(kube: Kube, token: str, body: Object) -> str:
    """Return why a token's owner may not create an object; empty: they may."""
    path = KINDS[body["kind"]].path(body["metadata"]["namespace"])
    async with direct(kube.server, kube.ca, token) as persona:
        try:
            await persona.request("POST", path, query={"dryRun": "All"}, body=body, repeat=False)
        except (errors.Forbidden, errors.Invalid) as error:
            return str(error)
        except errors.Conflict:
            # One of that name is there, so it was let through.
            return ""
    return ""


async def look_at_reach(scene: Scene, look: ReachCheck) -> Finding:
    """Try a TCP connection from a pod of one side."""
    host, _, port = look.to.rpartition(":")
    enforcement = scene.means.enforcement()
    if enforcement is Enforcement.UNKNOWN and scene.lab.settings.probe_image:
        raise LookBroken("it is not known yet whether this cluster enforces NetworkPolicy")
    if enforcement is not Enforcement.ENFORCED:
        raise Unsupported("this cluster does not enforce NetworkPolicy, as far as is known")
    await _somebody_listens(scene, host)
    is_open = await scene.prober.connects(look.from_, host, int(port))
    if is_open is (look.expect == "open"):
        return PASSED
    observed = "open" if is_open else "blocked"
    text = f"the way from {look.from_} to {look.to} is {observed}; expected: {look.expect}"
    return findings.failed(text, look.expect, observed)


async def _somebody_listens(scene: Scene, host: str) -> None:
    """Make sure that a connection that does not come about means something.

    Raises:
        LearnerFailed: no pod is ready behind a Service of the lab.
    """
    name, _, rest = host.partition(".")
    sides = {namespace: side for side, namespace in scene.lab.namespaces.items()}
    side = sides.get(rest.partition(".")[0])
    if side is None:
        return
    services = await scene.objects("Service", side)
    selector = next(
        (one["spec"].get("selector") for one in services if one["metadata"]["name"] == name), None
    )
    pods = await scene.objects("Pod", side) if selector else []
    behind = [pod for pod in pods if is_ready(pod) and _selected(pod, selector or {})]
    if not behind:
        raise LearnerFailed(f"nothing runs behind {name} in {side}, so nobody can tell")


def _selected(pod: Object, selector: dict[str, Any]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())
