"""How much of its room a lab uses: of its quotas, and of its nodes' CPU and memory."""

from dataclasses import dataclass

from practicum.api.quantities import quantity
from practicum.cli.session import Object, Session


def share(quota: Object) -> float:
    """Return the largest share of a quota that is used, in percent."""
    used, hard = quota["status"].get("used", {}), quota["spec"]["hard"]
    shares = [
        100 * float((quantity(used.get(key, "0")) or 0) / limit)
        for key, value in hard.items()
        if (limit := quantity(value))
    ]
    return max(shares, default=0.0)


@dataclass(frozen=True)
class Used:
    """What the pods of a lab that run have used."""

    memory: int = 0
    """Bytes that they work with."""
    cpu_seconds: float = 0.0
    """Since each of them began."""


async def used(session: Session, spaces: set[str]) -> Used:
    """Return what the lab's pods use, as their nodes say; administrators may ask.

    Raises:
        ApiError: whoever asks may not.
    """
    memory, nanoseconds = 0, 0
    nodes = await session.kube.request("GET", "/api/v1/nodes")
    for node in nodes["items"]:
        path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in (await session.kube.request("GET", path))["pods"]:
            if pod["podRef"]["namespace"] in spaces:
                memory += pod.get("memory", {}).get("workingSetBytes", 0)
                nanoseconds += pod.get("cpu", {}).get("usageCoreNanoSeconds", 0)
    return Used(memory, nanoseconds / 1e9)
