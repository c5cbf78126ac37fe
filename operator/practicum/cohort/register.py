"""The LabCohorts as last seen; each change of one, or of one of its labs, wakes it."""

from collections.abc import Callable, Set

from practicum.api.labcohort import LabCohort
from practicum.api.names import ChildKey, LabKey
from practicum.kube.client import Kube, Object
from practicum.kube.informer import Informer


class Register:
    """Every LabCohort that is there."""

    def __init__(self, wake: Callable[[LabKey], None]) -> None:
        """Choose what wakes a cohort."""
        self._wake = wake
        self._known: dict[LabKey, tuple[int, LabCohort]] = {}

    def changed(self, body: Object, gone: bool) -> None:
        """Take in a watch event."""
        meta = body["metadata"]
        key, version = LabKey(meta["namespace"], meta["name"]), int(meta["resourceVersion"])
        was = self._known.get(key)
        if gone:
            self._known.pop(key, None)
        elif was is None or was[0] < version:
            self._known[key] = version, LabCohort.model_validate(body, extra="ignore")
        else:
            return
        self._wake(key)

    def listed(self, _: str, there: Set[ChildKey], version: int) -> None:
        """Drop what went while nobody was looking."""
        names = {LabKey(key.namespace, key.name) for key in there}
        for key, (seen, _cohort) in list(self._known.items()):
            if key not in names and seen <= version:
                del self._known[key]
                self._wake(key)

    def answer(self, body: Object) -> None:
        """Take in the answer to a write of ours: it is no news."""
        meta = body["metadata"]
        key = LabKey(meta["namespace"], meta["name"])
        was = self._known.get(key)
        same = was and was[1].metadata.get("generation") == meta.get("generation")
        if was and same and was[1].uid == meta["uid"]:
            cohort = LabCohort.model_validate(body, extra="ignore")
            self._known[key] = int(meta["resourceVersion"]), cohort

    def get(self, key: LabKey) -> LabCohort | None:
        """Return a cohort as it is now known."""
        known = self._known.get(key)
        return known[1] if known else None

    def lab_changed(self, course: str, cohort: str) -> None:
        """Wake the cohort of a lab that has changed; nothing where it is of none."""
        if cohort:
            self._wake(LabKey(course, cohort))


def informer(kube: Kube, register: Register) -> Informer:
    """Return what follows every LabCohort."""
    return Informer(kube, "LabCohort", "", changed=register.changed, listed=register.listed)
