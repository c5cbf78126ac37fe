"""What is known of an archive without opening it: the record that stands beside the audit logs."""

import json
from typing import Annotated, Any, Final

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, ShortText
from practicum.api.labstatus import Sha256
from practicum.api.names import (
    ARCHIVE,
    ARCHIVE_PREFIX,
    AUDIT_NAMESPACE,
    COURSE,
    LAB,
    LAB_UID,
)

_KEY: Final = "record.json"


class Volume(ApiModel):
    """One volume of a lab, and who can read it."""

    side: DnsLabel
    claim: Annotated[str, Field(min_length=1, max_length=253)]
    user: Annotated[int, Field(ge=1)] = 1000
    group: Annotated[int, Field(ge=1)] = 1000
    spec: Annotated[
        dict[str, Any] | None,
        Field(description="Of a claim that the learner made; absent: the template makes it."),
    ] = None

    @property
    def name(self) -> str:
        """What archives call it."""
        return f"{self.side}/{self.claim}"


class ArchiveRecord(ApiModel):
    """One complete archive."""

    uid: str
    """Of the lab that it was: this is what archives go by."""
    origin: str
    """Uid of the lab whose passwords the databases know: that of the first, however often it was
    brought back since."""
    lab: str
    course: str
    learner: str = ""
    template: str
    revision: str
    spec: dict[str, Any]
    """The lab's spec, from which another like it is made."""
    made_at: str
    volumes: list[Volume] = []
    audit: str = ""
    """Where the lab's audit log ended, as SEQ:HASH; empty where nothing was recorded."""
    manifest: Sha256
    files: int
    size: int
    """Bytes on the shelf."""
    skipped: ShortText = ""
    """What of the volumes could not be read, if anything."""

    @property
    def path(self) -> str:
        """Where it is on the shelf."""
        return path(self.course, self.lab, self.uid)

    def config_map(self) -> dict[str, Any]:
        """Return the record as an object."""
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": record_name(self.uid),
                "namespace": AUDIT_NAMESPACE,
                "labels": {ARCHIVE: "record", LAB_UID: self.uid, LAB: self.lab}
                | {COURSE: self.course},
            },
            "data": {_KEY: json.dumps(self.wire(), sort_keys=True)},
        }

    @classmethod
    def read(cls, config_map: dict[str, Any]) -> "ArchiveRecord":
        """Read what `config_map` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls.model_validate_json(config_map["data"][_KEY], extra="ignore")
        except KeyError as error:
            raise ValueError(f"ConfigMap {config_map['metadata']['name']} is no record") from error


def path(course: str, lab: str, uid: str) -> str:
    """Return where on the shelf a lab's archive is."""
    return f"{course}/{lab}-{uid}"


def record_name(uid: str) -> str:
    """Return what the record of a lab's archive is called."""
    return f"{ARCHIVE_PREFIX}{uid}"
