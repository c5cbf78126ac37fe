"""Reads a lab's audit log for its archive: as JSONL, verified, whatever that comes to."""

from practicum.api.canonical import canonical
from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import AUDIT_NAMESPACE
from practicum.governance.audit import Audit
from practicum.governance.chain import Head, verify
from practicum.kube.client import Kube
from practicum.settings import Settings


class AuditLogs:
    """Reads audit logs, each anew: who writes them has a memory of their own."""

    def __init__(self, kube: Kube, settings: Settings) -> None:
        self._audit = Audit(kube, AUDIT_NAMESPACE, lambda: settings.root_key)

    async def of(self, lab: LabEnvironment) -> tuple[str, str]:
        """Return a lab's log, one record a line, and why it does not hold, if it does not.

        A log that somebody altered is archived all the same: it is evidence.
        """
        records = await self._audit.reload(lab.uid)
        self._audit.forget(lab.uid)
        said = lab.status.audit
        head = Head(said.seq, said.hash) if said else None
        verdict = verify(records, head, self._audit.key(lab.uid))
        broken = "" if verdict.holds else f"{verdict.reason}: {verdict.message}"
        return "".join(canonical(record) + "\n" for record in records), broken
