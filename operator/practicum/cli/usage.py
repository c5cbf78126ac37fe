"""How much of its room a lab uses: of its quotas, and of its nodes' memory."""

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


async def memory(session: Session, spaces: set[str]) -> int:
    """Return what the lab's pods work with, as their nodes say; administrators may ask.

    Raises:
        ApiError: whoever asks may not.
    """
    total = 0
    nodes = await session.kube.request("GET", "/api/v1/nodes")
    for node in nodes["items"]:
        path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in (await session.kube.request("GET", path))["pods"]:
            if pod["podRef"]["namespace"] in spaces:
                total += pod.get("memory", {}).get("workingSetBytes", 0)
    return total
