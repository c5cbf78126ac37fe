"""What to do about each reason that a condition can carry, in one sentence."""

from typing import Final

_INSTRUCTOR_EDIT = "edit the LabEnvironment and apply it again"

REMEDIES: Final[dict[str, str]] = {
    "NotObserved": "wait a minute; if it stays, ask the platform team whether the operator runs",
    "TemplateNotFound": "name a LabTemplate of this course or of the shared catalogue: the "
    "template of a lab cannot change, so create another LabEnvironment",
    "TemplateRevisionLost": "restore practicum-system from a backup, or delete the lab and create "
    "it again: what it was made of is gone",
    "TemplateInvalid": "correct the LabTemplate (practicum template lint FOLDER finds the line) "
    "and apply it again",
    "TTLAboveMaximum": "lower spec.ttl to what the message names, then apply it again",
    "SizeUnknown": "set spec.size to one of the sizes that the message names",
    "ParametersInvalid": "create another LabEnvironment with the parameters corrected: those of "
    "a lab cannot change",
    "PersonasInvalid": "give only roles that the message names to other people",
    "CourseNotEnabled": "ask the platform team to add this namespace to the chart's value "
    "`courses`",
    "NamespaceTaken": "delete the namespace that the message names if nobody needs it, or create "
    "the lab again: its namespaces are then named anew",
    "NamespaceLost": "somebody deleted a namespace of this lab and its data went with it: delete "
    "the lab and create it again",
    "Waiting": "wait: an earlier step is being done",
    "WaitingForQuota": "wait some seconds; if it stays, ask the platform team whether "
    "kube-controller-manager runs, as it alone counts quotas",
    "ComponentsStarting": "wait while the components start; if a pod below stays as it is, its "
    "message says why",
    "ReplicaFailure": "the namespace's quota or a policy refuses the pods: choose a larger size, "
    "or ask the platform team",
    "JobFailed": "read the log of the Job's pod below; a seeding Job that fails for good is "
    "mended by deleting the Job, which is then made again",
    "CrashLooping": "read the last lines of the container's log below; a component that worked "
    "before may have run out of memory: choose a larger size",
    "ImagePullFailed": "check the image's name and that the nodes can pull it without a secret; "
    "the chart's value `images` names another one",
    "VolumeLost": "the volume and its data are gone: delete the lab and create it again",
    "NoServerAddress": "ask the platform team to set the chart's values "
    "`learnerAccess.server` and `learnerAccess.caBundle`",
    "TokenLifeTooShort": "too little time is left to hand out a token: practicum extend LAB 1h",
    "NoLearner": f"this is a spare lab: set spec.learner to hand it out ({_INSTRUCTOR_EDIT})",
    "Suspended": "practicum resume LAB: the data is kept, the clock runs on",
    "AccessRevoked": "practicum credentials grant LAB gives the learner access again, by new "
    "credentials; the lab itself runs",
    "PendingCapacity": "wait: it goes on by itself when another lab ends or a node has room; the "
    "platform team sets the limits (chart value capacity) and adds nodes",
    "BudgetExhausted": "ask the platform team for a larger budget (chart value "
    "usage.budgets), or end labs that nobody needs any more; labs that run go on",
    "SuspendedSoon": "work in it: making or deleting an object, asking for checks and pods that "
    "are busy count; spec.idle says after how long a lab is suspended",
    "IdleSuspended": "practicum resume LAB: the data is kept, the clock runs on",
    "VolumePending": "ask the platform team whether the StorageClass that the message names has a "
    "provisioner that runs; the Events of the claim say what it last did",
    "ProgressDeadlineExceeded": "the message names what is missing and it is still tried; if it "
    "does not come, delete the lab: one that was never ready is ended after a day",
    "Deleting": "wait until what is being deleted is gone; it is then made again",
    "DeletionBlocked": "the operator clears what it may within a minute; if it stays, remove the "
    "finalizer of the object that the message names, and the lab goes by itself",
    "Terminating": "wait: access is gone already, the namespaces follow; what blocks them is named "
    "within a minute",
    "Expiring": "wait: the lab is over and is being taken apart",
    "ClockSkew": "ask the platform team to set the clock of the operator's node (NTP): nothing "
    "irreversible is done until it agrees with the API server",
    "ApiError": "this is tried again by itself; if it stays, the message names the right or the "
    "limit that is missing",
    "AuditBroken": "tell the platform team, for somebody wrote in the audit log: practicum audit "
    "verify --lab LAB names the record; until it is restored no change of this lab is decided",
    "PolicyBroken": "correct the file at the line that the message names, and apply ConfigMap "
    "policies again: until then the lab decides by the policies it has, and this set cannot be "
    "released",
    "ChecksErrored": "nothing that the learner did: the message names the check and what kept it "
    "from being looked at; practicum check LAB looks again, and spec.waivedChecks does without it",
    "Archiving": "wait: the lab is over and is being archived, then it is deleted",
    "Restoring": "wait: the lab is being brought back from its archive",
    "ArchiveNotEnabled": "ask the platform team to set the chart's value archive.enabled; "
    "annotation practicum.dev/skip-archive=true ends the lab without an archive",
    "ArchiveFull": "ask the platform team to enlarge claim practicum-audit/practicum-archive: it "
    "is tried again by itself; annotation practicum.dev/skip-archive=true does without",
    "TooLarge": "ask the platform team to raise the chart's value archive.maxBytes, or end the lab "
    "without an archive: annotation practicum.dev/skip-archive=true",
    "VolumeUnreadable": "it is tried again by itself; if it stays, the message names the volume "
    "and what its pod says; annotation practicum.dev/skip-archive=true does without an archive",
    "PodNotEnding": "the pod's node may be gone: ask the platform team to bring it back, or to "
    "delete the pod by force; annotation practicum.dev/skip-archive=true does without an archive",
    "ArchiveNotFound": "name an archive that practicum archive list shows, or leave the annotation "
    "out: create another LabEnvironment",
    "DigestMismatch": "the archive is not as it was made, and is refused: ask the platform team "
    "for a backup of the archive volume",
    "Expired": "an ended lab cannot come back: create another LabEnvironment",
}

OTHERWISE: Final = "the message says what is missing; the operator tries again by itself"


def remedy(reason: str, lab: str) -> str:
    """Return what to do about a reason, with the lab's name put in."""
    return REMEDIES.get(reason, OTHERWISE).replace("LAB", lab)
