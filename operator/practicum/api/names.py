"""Every name that Practicum owns in a cluster: group, labels, annotations, finalizer, roles.

The prefix ``practicum.dev/`` is reserved: nobody else may set it in a lab.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

GROUP: Final = "practicum.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

FIELD_MANAGER: Final = "practicum"
GOVERNANCE_MANAGER: Final = "practicum-governance"
"""Owns what governance writes into the status of a lab, which is otherwise the reconciler's."""
CHECKS_MANAGER: Final = "practicum-checks"
"""Owns what became of a lab's checks in its status."""
USAGE_MANAGER: Final = "practicum-usage"
"""Owns what a lab uses, and when it was last used, in its status."""
REMOVAL_MANAGER: Final = "practicum-cohort-removal"
"""Owns the suspension of labs of people who were taken off a roster."""
COHORT_MANAGER: Final = "practicum-cohort"
"""Owns what a cohort says of its labs in their spec."""
FINALIZER: Final = f"{GROUP}/teardown"
"""Finalizer of a LabEnvironment: access and namespaces go before it does."""

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "practicum"
LAB: Final = f"{GROUP}/lab"
"""Label: name of the lab that an object belongs to."""
LAB_UID: Final = f"{GROUP}/lab-uid"
"""Label: uid of its LabEnvironment, which no other lab ever has."""
COURSE: Final = f"{GROUP}/course"
"""Label: namespace of its LabEnvironment."""
COHORT: Final = f"{GROUP}/cohort"
"""Label of a LabEnvironment: the LabCohort that made it."""
COHORT_APPLIED: Final = f"{GROUP}/cohort-applied"
"""Annotation of a cohort's lab: digest of the spec that the cohort gave it last."""
SIDE: Final = f"{GROUP}/side"
"""Label of a lab's namespace: learner, platform, or a tenant's name."""
COMPONENT: Final = f"{GROUP}/component"
"""Label of what a component of the template is made of."""
TEMPLATE: Final = f"{GROUP}/template"
"""Label of a frozen revision: the LabTemplate that it is of."""
CONFIG_DIGEST: Final = f"{GROUP}/config-digest"
"""Annotation of pods: digest of what they read at their start; another one replaces them."""
ALLOWED_IMAGES: Final = f"{GROUP}/allowed-images"
"""Annotation of a lab's namespace: patterns of the images that its learner may run."""
JOB_NAME: Final = f"{GROUP}/job"
"""Label of a Job: its name without the digest that makes a changed one another."""
ADOPT: Final = f"{GROUP}/adopt"
"""Annotation of an orphan namespace that the sweep is to leave alone."""
PROBE: Final = f"{GROUP}/probe"
"""Label of the network probe's pods."""
AUDIT_LOG: Final = f"{GROUP}/audit-log"
"""Label of the segments of an audit log."""
POLICY_STATUS: Final = f"{GROUP}/policy-status"
"""Annotation of a learner's policies: what OPA's compiler says of them."""

POLICIES: Final = "policies"
"""ConfigMap of a learner's namespace with policies of their own."""

CHECK_REQUEST: Final = "check-request"
"""ConfigMap of a learner's namespace by which they ask for their checks."""
CHECK_REQUESTED: Final = f"{GROUP}/check-requested"
"""Annotation of a LabEnvironment by which the course's staff asks for its checks."""
DRILL: Final = f"{GROUP}/drill"
"""Annotation of a LabEnvironment: the drill that goes with the request."""
ROTATE: Final = f"{GROUP}/rotate-credentials"
"""Annotation of a LabEnvironment: whenever it changes, credentials given out before are void."""
CHECK_REPORT: Final = "check-report"
"""ConfigMap of a learner's namespace with all that is told of their checks."""
CHECK: Final = f"{GROUP}/check"
"""Label of the pods that look at a lab from within."""
CHECK_POD: Final = "practicum-check-"
"""How their names begin: nobody opens a shell in a pod that is called so."""
CATALOGUE: Final = f"{GROUP}/catalogue"
"""Label of templates that came along with the operator."""
ANSWERS_SUFFIX: Final = "-answers"
"""ConfigMap <template>-answers: what checks refer to and no learner sees."""

TASKS: Final = "lab-tasks"
"""ConfigMap of a learner's namespace with the template's tasks."""

USAGE_BOOK: Final = f"{GROUP}/usage-book"
"""Label of the ConfigMaps practicum-usage-<year>-<month> of a course: what its labs used."""

ARCHIVE: Final = f"{GROUP}/archive"
"""Label of what archives are made by, and of their records."""
ARCHIVE_PREFIX: Final = "archive-"
"""How everything of archives in the audit namespace is called: records, keepers, their inputs."""
ARCHIVE_POD: Final = "practicum-archive-"
"""How the pods beside a lab's volumes are called: nobody opens a shell in one."""
SKIP_ARCHIVE: Final = f"{GROUP}/skip-archive"
"""Annotation of a LabEnvironment that is to be deleted without an archive."""
RESTORE_FROM: Final = f"{GROUP}/restore-from"
"""Annotation of a LabEnvironment: the archive that it begins with, by the uid of that lab."""
REPLICAS: Final = f"{GROUP}/replicas"
"""Annotation of a workload that was scaled to nothing for an archive: how many it had."""

NAMESPACE_PREFIX: Final = "lab-"
PROBE_NAMESPACE: Final = "practicum-probe"
"""Where the network probe's pods run; nothing else is in it, so nothing can be taken from it."""
AUDIT_NAMESPACE: Final = "practicum-audit"
"""Where the audit logs are: outside labs and courses, so that no learner or instructor is near."""
NETWORK_RECORD: Final = "practicum-network-policy"
"""ConfigMap of the operator's namespace that keeps what the network probe found."""

PLACEHOLDER: Final = "<<practicum:"
"""How a placeholder of a rendered template begins; nobody else may write it."""


def placeholder(name: str) -> str:
    """Return the placeholder that ``desired.components`` replaces, for example ``ns.platform``."""
    return f"{PLACEHOLDER}{name}>>"


ROLE_LEARNER: Final = "practicum-learner"
ROLE_PLATFORM_VIEWER: Final = "practicum-platform-viewer"
ROLE_PERSONA: Final = "practicum-persona"
ROLE_OPERATOR_LAB: Final = "practicum-operator-lab"
TENANT_ROLES: Final = (
    *("practicum-tenancy-admin", "practicum-tenant-developer", "practicum-tenant-viewer"),
)


class LabKey(NamedTuple):
    """Names one LabEnvironment: the course's namespace and the lab's name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ChildKey(NamedTuple):
    """Names one object that belongs to a lab; ``namespace`` is empty for a cluster-scoped kind."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"


def key_of(body: Mapping[str, Any]) -> ChildKey:
    """Return the key of an object, desired or observed."""
    meta = body["metadata"]
    return ChildKey(body["kind"], meta.get("namespace", ""), meta["name"])
