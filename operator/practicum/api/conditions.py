"""Conditions and phases of a lab: the vocabulary that status, Events and ``explain`` share."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from practicum.api.base import ApiModel, listed_by


class Phase(StrEnum):
    """One word for where a lab is in its life."""

    PENDING = "Pending"
    PROVISIONING = "Provisioning"
    READY = "Ready"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    EXPIRING = "Expiring"
    EXPIRED = "Expired"
    FAILED = "Failed"
    TERMINATING = "Terminating"

    @property
    def runs(self) -> bool:
        """Whether the lab was ready and is there to be worked in, be it damaged."""
        return self in (Phase.READY, Phase.DEGRADED)


class ConditionType(StrEnum):
    """The conditions of a LabEnvironment, in the order in which ``explain`` reads them."""

    ACCEPTED = "Accepted"
    NAMESPACES_READY = "NamespacesReady"
    GUARDED = "Guarded"
    COMPONENTS_READY = "ComponentsReady"
    CREDENTIALS_ISSUED = "CredentialsIssued"
    READY = "Ready"
    EXPIRING_SOON = "ExpiringSoon"
    TEMPLATE_CURRENT = "TemplateCurrent"
    ARCHIVED = "Archived"
    """Of a lab that ends with an archive: False while there is none, with the reason."""

    POLICY_LOADED = "PolicyLoaded"
    """Whether the policies that a learner wrote compile; governance writes it."""

    AUDIT_INTACT = "AuditIntact"
    """False when the audit log is not as it was written; governance writes it."""

    CHECKS_WORK = "ChecksWork"
    """False when checks could not be evaluated; who examines them writes it."""

    IDLE = "Idle"
    """True when nobody uses the lab and it is about to be suspended; who meters labs writes it."""


GOVERNED: Final = frozenset({ConditionType.POLICY_LOADED, ConditionType.AUDIT_INTACT})
"""Conditions that are governance's to write, not the reconciler's."""
EXAMINED: Final = frozenset({ConditionType.CHECKS_WORK})
"""Conditions that are written by who examines checks."""
METERED: Final = frozenset({ConditionType.IDLE})
"""Conditions that are written by who meters labs."""
OTHERS: Final = GOVERNED | EXAMINED | METERED
"""Conditions that are not the reconciler's to write."""


class Condition(ApiModel):
    """A metav1.Condition."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(min_length=1, max_length=64)]
    message: Annotated[str, Field(max_length=1024)] = ""
    last_transition_time: Annotated[str, Field(max_length=32)]
    observed_generation: Annotated[int, Field(ge=0)] = 0

    def after(self, before: "Condition | None") -> "Condition":
        """Return it as it follows on another: one that stays so keeps its transition time."""
        if before is None or before.status != self.status:
            return self
        return self.model_copy(update={"last_transition_time": before.last_transition_time})


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=16,
        json_schema_extra=listed_by("type"),
        description="As metav1.Condition, one of each type.",
    ),
]
