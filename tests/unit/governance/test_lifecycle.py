"""The lifecycle report: what it counts, and that it counts everything once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from practicum.api.times import rfc3339
from practicum.governance.lifecycle import Row, Spread, lifecycle

Record = dict[str, Any]
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACTIONS = {"promote": "PromoteModel", "rollback": "RollbackModel", "features": "ApproveFeatures"}


def at(seconds: float) -> str:
    return rfc3339(START + timedelta(seconds=seconds))


def actor(persona: str) -> Record:
    return {"username": f"u-{persona}", "persona": persona, "simulated": True}


class Story:
    """The records of one request, made ten seconds after the start."""

    def __init__(self, uid: str, persona: str = "ds", target: str = "fraud") -> None:
        self.records: list[Record] = []
        self._common: Record = {
            "request": {"name": uid, "uid": uid, "createdAt": at(10)},
            "action": ACTIONS.get(uid.split("-")[0], "PromoteModel"),
            "target": {"name": target, "version": "2"},
        }
        self._persona = persona

    def state(self, state: str, seconds: float, **more: Any) -> "Story":
        changed = {"type": "StateChanged", "state": state, "at": at(seconds)}
        self.records.append(self._common | changed | {"actor": actor(self._persona)} | more)
        return self

    def answer(self, persona: str, verdict: str, seconds: float) -> "Story":
        given = {"type": "Answered", "verdict": verdict, "at": at(seconds)}
        self.records.append(self._common | given | {"actor": actor(persona)})
        return self


def executed(uid: str, end: float, persona: str = "ds") -> Story:
    told = Story(uid, persona).state("Requested", 11).state("AwaitingApproval", 20)
    told.answer("risk", "Approve", 50).state("Approved", 60)
    return told.state("Executed", end, outcome={"name": "fraud", "after": "2"})


def by_name(rows: tuple[Row, ...]) -> dict[str, Row]:
    return {row.name: row for row in rows}


def test_nothing_comes_of_nothing() -> None:
    assert lifecycle([]) == lifecycle([{"type": "PolicyBroken", "at": at(0)}])
    assert lifecycle([]).models == ()


def test_one_request_from_asking_to_serving() -> None:
    served = {"type": "Served", "at": at(200), "request": {"uid": "promote-1"}}
    early = {**served, "request": {"uid": "never-approved"}}
    assert lifecycle([early]).models[0].served is None
    found = lifecycle([*executed("promote-1", 110).records, served])
    assert found.models == (
        Row(
            name="fraud",
            requests=1,
            executed=1,
            refused=0,
            refusal_rate=0.0,
            expired=0,
            withdrawn=0,
            lead_time=Spread(1, 100.0, 100.0),
            approval=Spread(1, 40.0, 40.0),
            rollbacks=0,
            answers=1,
            served=Spread(1, 140.0, 140.0),
        ),
    )
    personas = by_name(found.personas)
    assert (personas["ds"].requests, personas["ds"].answers) == (1, 0)
    assert personas["ds"].approval is None
    assert (personas["risk"].requests, personas["risk"].answers) == (0, 1)
    assert personas["risk"].approval == Spread(1, 30.0, 30.0)
    assert personas["risk"].refusal_rate is None


def test_every_end_counts_as_what_it_is() -> None:
    stories = [
        executed("promote-1", 110),
        executed("rollback-1", 20, "oncall"),
        executed("promote-2", 310).state("RolledBack", 400),
        Story("promote-3").state("Requested", 11).state("Denied", 12),
        Story("promote-4").state("AwaitingApproval", 12).answer("risk", "Reject", 13),
        Story("promote-5").state("Expired", 99),
        Story("promote-6").state("Withdrawn", 98),
        Story("promote-7").state("Requested", 11),
    ]
    stories[4].state("Rejected", 14)
    found = lifecycle(record for story in stories for record in story.records)
    (row,) = found.models
    assert (row.requests, row.executed, row.refused) == (8, 3, 2)
    assert (row.expired, row.withdrawn, row.rollbacks) == (1, 1, 1)
    assert row.refusal_rate == 0.4
    assert row.lead_time == Spread(3, 100.0, 300.0)
    assert by_name(found.personas)["oncall"].rollbacks == 1


def test_approval_lasts_until_the_last_one_that_counted() -> None:
    told = Story("promote-1").state("AwaitingApproval", 20).state("Approved", 30)
    told.state("AwaitingApproval", 40).state("Approved", 90)
    assert lifecycle(told.records).models[0].approval == Spread(1, 70.0, 70.0)


def test_a_model_is_called_after_what_changes() -> None:
    told = Story("promote-1", target="fraud-candidates").state("Requested", 11)
    told.state("Executed", 20, outcome={"name": "fraud"})
    other = Story("features-1", target="fraud_v1").state("Requested", 11)
    moved = {"type": "AliasMoved", "at": at(5), "outcome": {"name": "fraud", "alias": "champion"}}
    back = moved | {"type": "AliasReverted"}
    elsewhere = moved | {"outcome": {"name": "churn"}}
    found = lifecycle([*told.records, *other.records, moved, back, moved, elsewhere])
    rows = by_name(found.models)
    assert {name: row.moves for name, row in rows.items()} == {
        "churn": 1,
        "fraud": 2,
        "fraud_v1": 0,
    }
    assert rows["churn"].requests == 0


def test_clocks_that_disagree_give_no_negative_times() -> None:
    assert lifecycle(Story("promote-1").state("Executed", 3).records).models[0].lead_time == Spread(
        1, 0.0, 0.0
    )


def test_an_actor_without_a_persona_is_told_by_username() -> None:
    told = Story("promote-1").state("Requested", 11, actor={"username": "jane@example.org"})
    assert [row.name for row in lifecycle(told.records).personas] == ["jane@example.org"]


STATES = ("AwaitingApproval", "Approved", "Executed", "Denied", "Rejected", "Expired", "Withdrawn")
STORIES = st.lists(
    st.tuples(
        st.sampled_from(["ds", "mle"]),
        st.sampled_from(["fraud", "churn"]),
        st.lists(st.tuples(st.sampled_from(STATES), st.integers(10, 9999)), min_size=1),
    )
)


@given(STORIES)
def test_every_request_is_in_one_row_of_each_table(stories: list[Any]) -> None:
    records: list[Record] = []
    for number, (persona, target, states) in enumerate(stories):
        told = Story(f"promote-{number}", persona, target)
        for state, seconds in states:
            told.state(state, seconds)
        records += told.records
    found = lifecycle(records)
    for rows in (found.models, found.personas):
        assert sum(row.requests for row in rows) == len(stories)
        assert [row.name for row in rows] == sorted(row.name for row in rows)
        for row in rows:
            assert row.executed <= row.requests
            assert row.refusal_rate is None or 0 <= row.refusal_rate <= 1
            for spread in (row.lead_time, row.approval):
                assert spread is None or 0 <= spread.median <= spread.longest
                assert spread is None or 1 <= spread.count <= row.requests
