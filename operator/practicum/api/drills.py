"""Drills of a LabTemplate: what can be made to go wrong, for a while."""

from typing import Annotated

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, Duration, ShortText, cel


class Outage(ApiModel):
    """A component that does not run for a while."""

    component: DnsLabel
    lasts: Duration = "60s"


class AliasMove(ApiModel):
    """MLflow's administrator moves an alias of a governed model to another version."""

    model: Annotated[str, Field(min_length=1, max_length=128)]
    alias: DnsLabel = "champion"


class Drill(ApiModel):
    """Something that goes wrong because a learner, or the staff, asks for it."""

    model_config = {
        "json_schema_extra": cel(
            (
                "has(self.outage) != has(self.moveAlias)",
                "spec.drills[]: a drill is one thing: keep outage or moveAlias",
            )
        )
    }

    name: DnsLabel
    title: ShortText
    outage: Outage | None = None
    move_alias: AliasMove | None = None
