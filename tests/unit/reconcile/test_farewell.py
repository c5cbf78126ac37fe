"""What is said when the release may not go; tests/apiserver has what it does."""

from typing import Any

from practicum.api.names import FINALIZER
from practicum.errors import Forbidden, NotFound
from practicum.reconcile.farewell import end_all, left, refusal


class Cluster:
    """Has one lab in a course that is opted in no more, or no kinds of ours at all."""

    def __init__(self, *, kinds: bool) -> None:
        self._kinds = kinds

    async def list(self, kind: str, labels: str = "") -> list[dict[str, Any]]:
        if kind == "Namespace":
            assert labels
            return []
        if not self._kinds:
            raise NotFound(404, "NotFound", "the server could not find the requested resource")
        meta = {"name": "ada", "namespace": "closed", "uid": "1", "finalizers": [FINALIZER]}
        return [{"metadata": meta, "status": {"phase": "Ready"}}]

    async def merge_patch(self, *_: Any) -> None:
        raise Forbidden(403, "Forbidden", "no")

    async def delete(self, *_: str, uid: str) -> None:
        raise Forbidden(403, "Forbidden", f"may not delete {uid}")


async def test_without_our_kinds_there_are_no_labs() -> None:
    gone: Any = Cluster(kinds=False)
    assert await left(gone) == []
    assert await end_all(gone, 0) == []


async def test_a_lab_that_may_not_be_deleted_is_named_with_the_reason() -> None:
    closed: Any = Cluster(kinds=True)
    assert await end_all(closed, 0) == [
        "lab closed/ada could not be deleted: may not delete 1",
        "lab closed/ada (Ready)",
    ]


def test_labs_are_named_with_the_remedy() -> None:
    said = refusal(["lab course-a/ada (Ready)", "namespace lab-ada-1"], None)
    assert "  lab course-a/ada (Ready)\n  namespace lab-ada-1\n" in said
    assert "kubectl delete labenvironments --all --all-namespaces --wait" in said
    assert "uninstall.deleteLabs=true" in said and "helm rollback" in said


def test_many_labs_are_counted() -> None:
    said = refusal([f"lab course-a/lab{number} (Ready)" for number in range(30)], None)
    assert "lab19" in said and "lab20" not in said and "and 10 more" in said


def test_labs_that_take_longer_keep_the_operator() -> None:
    said = refusal(["lab course-a/ada (Terminating: held by PersistentVolumeClaim data)"], 240)
    assert "not all labs are gone after 240 s" in said and "patienceSeconds" in said
    assert "held by PersistentVolumeClaim data" in said
