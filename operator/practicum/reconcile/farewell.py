"""Before the operator goes for good: a hook of the chart, as a process of its own.

Only the operator can end labs: one that it leaves behind keeps its finalizer, and so its course's
namespace, for ever. So while there are labs it stays, or sees them off first.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence
from typing import Final

from practicum.api.names import FINALIZER, LAB_UID, MANAGED_BY, MANAGER
from practicum.errors import ApiError, Forbidden, NotFound
from practicum.kube.client import Kube, Object

_POLL_SECONDS: Final = 1
_SHOWN: Final = 20
_OF_LABS: Final = f"{MANAGED_BY}={MANAGER},{LAB_UID}"


async def left(kube: Kube) -> list[str]:
    """Name every lab that is not over, and every namespace of one."""
    alive = [f"lab {_name(lab)} ({_phase(lab)})" for lab in await _labs(kube)]
    spaces = await kube.list("Namespace", labels=_OF_LABS)
    return alive + [f"namespace {one['metadata']['name']}" for one in spaces]


async def end_all(kube: Kube, patience: float) -> list[str]:
    """Delete every lab and wait until all is gone; classes are paused, or they would make new ones.

    Args:
        kube: the operator's account.
        patience: for so many seconds.

    Returns:
        what is still there, and which labs could not be deleted.

    Raises:
        ApiError: the API server failed.
    """
    deadline = time.monotonic() + patience
    await _pause(kube)
    while True:
        refused = await _delete(kube)
        remaining = await left(kube)
        if not remaining or time.monotonic() > deadline:
            return refused + remaining
        await asyncio.sleep(_POLL_SECONDS)


async def _labs(kube: Kube) -> list[Object]:
    """Return the labs that the operator still has to end: those with its finalizer."""
    found = await _list(kube, "LabEnvironment")
    return [one for one in found if FINALIZER in one["metadata"].get("finalizers", [])]


async def _list(kube: Kube, kind: str) -> list[Object]:
    try:
        return await kube.list(kind)
    except NotFound:
        return []  # the CRDs went first


async def _pause(kube: Kube) -> None:
    for cohort in await _list(kube, "LabCohort"):
        # Where the operator may not, it makes no labs either.
        with contextlib.suppress(Forbidden, NotFound):
            meta, paused = cohort["metadata"], {"spec": {"paused": True}}
            await kube.merge_patch("LabCohort", meta["namespace"], meta["name"], paused)


async def _delete(kube: Kube) -> list[str]:
    refused = []
    for lab in await _labs(kube):
        meta = lab["metadata"]
        if "deletionTimestamp" in meta:
            continue
        try:
            await kube.delete("LabEnvironment", meta["namespace"], meta["name"], uid=meta["uid"])
        except ApiError as error:
            refused.append(f"lab {_name(lab)} could not be deleted: {error}")
    return refused


def _name(lab: Object) -> str:
    return f"{lab['metadata']['namespace']}/{lab['metadata']['name']}"


def _phase(lab: Object) -> str:
    status = lab.get("status", {})
    return ": ".join(filter(None, (status.get("phase", "new"), status.get("message", ""))))


def refusal(remaining: Sequence[str], patience: float | None) -> str:
    """Return why the release stays, in lines.

    Args:
        remaining: what is still there.
        patience: for how many seconds it was waited; None: nothing was to be ended.
    """
    shown = [f"  {one}" for one in remaining[:_SHOWN]]
    if more := len(remaining) - len(shown):
        shown.append(f"  and {more} more")
    if patience is None:
        head = "practicum: labs are alive, and only the operator can end them; nothing was removed:"
        remedy = (
            "End them, and uninstall again; cohorts make theirs anew unless they are paused:\n"
            "  kubectl delete labenvironments --all --all-namespaces --wait\n"
            "To have that done by the release: helm upgrade … --reset-then-reuse-values --set "
            "uninstall.deleteLabs=true, and uninstall again."
        )
    else:
        head = f"practicum: not all labs are gone after {patience:.0f} s; the operator stays:"
        remedy = (
            "They go on ending: uninstall again. What holds one is in its message; a longer wait "
            "is value uninstall.patienceSeconds."
        )
    keep = "To keep the release, which Helm now calls uninstalling: helm rollback RELEASE REVISION."
    return "\n".join([head, *shown, remedy, keep])


async def _main(patience: float | None) -> int:
    async with await Kube.connect() as kube:
        remaining = await (left(kube) if patience is None else end_all(kube, patience))
    if remaining:
        print(refusal(remaining, patience))
        return 1
    print("practicum: no lab is left, the operator may go")
    return 0


def main() -> None:
    """Entry point; exits 1 while something is left."""
    parser = argparse.ArgumentParser(prog="practicum.reconcile.farewell", description=__doc__)
    parser.add_argument("--delete", action="store_true", help="end the labs that are left")
    parser.add_argument("--patience", type=float, default=240, metavar="SECONDS")
    arguments = parser.parse_args()
    try:
        code = asyncio.run(_main(arguments.patience if arguments.delete else None))
    except ApiError as error:
        sys.exit(f"practicum: labs cannot be looked at, so nothing is removed: {error}")
    sys.exit(code)


if __name__ == "__main__":
    main()
