"""Rosters from spreadsheets: what is read, and how everything wrong is told at once."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.labcohort import MOST_LEARNERS, RosterLearner
from practicum.errors import RosterInvalid
from practicum.policy import roster

END = "2026-11-30T17:00:00Z"


def learner(id_: str, **fields: Any) -> RosterLearner:
    return RosterLearner.model_validate({"id": id_, **fields})


FULL = learner(
    "ada@example.org",
    displayName="Lovelace, Ada",
    size="small",
    templates=["mod-501", "mod-503"],
    endAt=END,
    suspended=True,
    subjects=[{"kind": "User", "name": "ada@idp"}],
    waivedChecks=["slow"],
)
FULL_CSV = (
    "\ufeffEmail,Display Name,size,templates,end_at,Suspended,subjects,waived-checks\r\n"
    ",,,,,,,\r\n"
    f'ada@example.org, "Lovelace, Ada",small,mod-501; mod-503;,{END},Yes,ada@idp,slow\r\n'
    "\r\n"
    "s123\r\n"
).replace(', "', ',"')


@pytest.mark.parametrize(
    ("name", "text", "learners"),
    [
        ("r.csv", FULL_CSV, [FULL, learner("s123")]),
        ("r.CSV", "id\rs1\rs2\r", [learner("s1"), learner("s2")]),
        ("r.csv", 'name,id\n"Two\nlines",s1', [learner("s1", displayName="Two\nlines")]),
        ("r.csv", "id,size,,\ns1,,,\n", [learner("s1")]),
        ("r.json", '[{"email": "a@b", "size": null}]', [learner("a@b")]),
        ("r.json", json.dumps({"learners": [FULL.wire()]}), [FULL]),
        (
            "r.json",
            '[{"id": "a", "subjects": ["u", {"kind": "Group", "name": "g"}]}]',
            [learner("a", subjects=[{"name": "u"}, {"kind": "Group", "name": "g"}])],
        ),
    ],
)
def test_what_is_read(name: str, text: str, learners: list[RosterLearner]) -> None:
    assert roster.read(text, name) == learners


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("r.txt", "id\ns1", ["r.txt: its ending must say how it is written, .csv or .json"]),
        ("r.csv", "", ["there is no learner in it"]),
        ("r.csv", "id\n\n", ["there is no learner in it"]),
        ("r.json", "[]", ["there is no learner in it"]),
        ("r.csv", "id;name\ns1;A", ["'id;name' is unknown", "line 1: the header has no column id"]),
        ("r.csv", "id,email\ns1,s1", ["line 1: 'id' and 'email' say the same: leave one out"]),
        ("r.csv", "id,shoe\ns1,44", ["line 1: 'shoe' is unknown: leave it out"]),
        ("r.csv", "id\ns1,Ada", ["line 2: 'Ada' is in no column that has a name"]),
        ("r.csv", "name\nAda", ["line 1: the header has no column id or email"]),
        ("r.csv", 'id\n"s1', ["line 2: its quotes do not pair up"]),
        ("r.csv", "id\n" + "x" * 200_000, ["line 2: its quotes do not pair up, or a value is far"]),
        (
            "r.csv",
            'email,name,size,endAt,suspended\na b,,Big,tomorrow,perhaps\n,"Ada\n",,,\n\ns1,,,,\n'
            "s1,,,,\n",
            [
                "line 2, column email: 'a b' cannot stand here: write an e-mail address",
                "line 2, column size: 'Big' cannot stand here: write the name of a size",
                "line 2, column endAt: 'tomorrow' cannot stand here: write the time with its zone",
                "line 2, column suspended: 'perhaps' cannot stand here: write true or false",
                "line 3, column email: is missing",
                "line 7, column email: 's1' is there already, in line 6",
            ],
        ),
        (
            "r.csv",
            "id,subjects,endAt\ns1,system:admin,2026-13-01T00:00:00Z\ns2,ok;system:x,\n",
            [
                "line 2, column endAt: '2026-13-01T00:00:00Z' cannot",
                "line 3, column subjects: 'system:x' cannot stand here",
            ],
        ),
        ("r.json", '[{"id": "a"},\n{]', ["line 2: this is not JSON"]),
        ("r.json", "[" * 100_000, ["this is not JSON"]),
        ("r.json", '{"learner": []}', ["this is no roster"]),
        (
            "r.json",
            '[7, {"id": 12}, {"id": "a", "shoe": 1, "templates": "x"}, {"name": "B"}, '
            '{"id": "\\ud800\\u001b"}, {"id": "a"}]',
            [
                "index 2: 'shoe' is unknown",
                "index 0: 7 is not an object with an id",
                "index 1, field id: 12 cannot stand here",
                "index 2, field templates: 'x' cannot stand here",
                "index 3, id: is missing",
                "index 4, field id: '\\ud800\\x1b' cannot stand here",
                "index 5, field id: 'a' is there already, in index 2",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_at_once_and_by_its_place(
    name: str, text: str, told: list[str]
) -> None:
    with pytest.raises(RosterInvalid) as raised:
        roster.read(text, name)
    problems = raised.value.problems
    assert len(problems) == len(told)
    for wanted in told:
        assert any(problem.startswith(wanted) or wanted in problem for problem in problems), wanted
    assert "validation error" not in str(raised.value)


def test_one_message_stays_short_and_a_class_has_a_limit() -> None:
    ids = [f"s{number}" for number in range(MOST_LEARNERS)]
    assert len(roster.read("\n".join(["id", *ids]), "r.csv")) == MOST_LEARNERS
    with pytest.raises(RosterInvalid, match="501 learners are more than the 500 of one cohort"):
        roster.read("\n".join(["id", *ids, "one-more"]), "r.csv")
    with pytest.raises(RosterInvalid, match=r"; and 496 more$") as raised:
        roster.read("\n".join(["id", *(f"!{one}" for one in ids)]), "r.csv")
    assert len(raised.value.problems) == MOST_LEARNERS


IDS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._@+-]{0,20}[A-Za-z0-9])?", fullmatch=True)
LABELS = st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True), max_size=4)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20)
LEARNERS = st.builds(
    RosterLearner,
    id=IDS,
    display_name=st.none() | NAMES,
    templates=LABELS,
    size=st.none() | st.just("small"),
    end_at=st.none() | st.just(END),
    suspended=st.booleans(),
    waived_checks=LABELS,
    subjects=st.lists(
        st.from_regex(r"[a-z@.]{1,20}", fullmatch=True).map(lambda name: {"name": name}), max_size=3
    ),
)
ROSTERS = st.lists(LEARNERS, min_size=1, max_size=8, unique_by=lambda one: one.id)


def written(learners: list[RosterLearner]) -> str:
    """Return learners as a spreadsheet writes them."""
    columns = list(RosterLearner.model_fields.values())
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [str(column.alias) for column in columns])
    writer.writeheader()
    for one in learners:
        row = one.wire() | {"subjects": [subject.name for subject in one.subjects]}
        writer.writerow(
            {
                key: ";".join(value) if isinstance(value, list) else value
                for key, value in row.items()
            }
        )
    return stream.getvalue()


@given(ROSTERS)
def test_what_is_written_is_what_is_read(learners: list[RosterLearner]) -> None:
    assert roster.read(written(learners), "r.csv") == learners
    assert roster.read(json.dumps([one.wire() for one in learners]), "r.json") == learners


KEYS = st.text(max_size=4) | st.sampled_from(["id", "email", "name", "subjects", "templates"])
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.text() | st.text(alphabet='id,email;"\n\r s12system:') | JSONS.map(json.dumps)


@given(TEXTS, st.sampled_from(["r.csv", "r.json"]))
def test_any_text_is_read_or_refused_by_place(text: str, name: str) -> None:
    try:
        assert roster.read(text, name)
    except RosterInvalid as error:
        assert error.problems
        assert all(problem.isprintable() for problem in error.problems)


def test_what_a_new_roster_makes_different() -> None:
    old = [learner("a", size="small"), learner("b"), learner("c")]
    new = [learner("d"), learner("c"), learner("a", displayName="A", templates=["mod-501"])]
    seen = roster.difference(old, new)
    assert [one.id for one in seen.added] == ["d"]
    assert [one.id for one in seen.removed] == ["b"]
    assert [(one.id, one.fields) for one in seen.changed] == [
        (
            "a",
            {
                "size": ("small", None),
                "templates": ([], ["mod-501"]),
                "displayName": (None, "A"),
            },
        )
    ]
    assert seen
    assert not roster.difference(old, reversed(old))


@given(ROSTERS, ROSTERS)
def test_a_difference_leads_from_one_roster_to_the_other(
    old: list[RosterLearner], new: list[RosterLearner]
) -> None:
    seen = roster.difference(old, new)
    gone = {one.id for one in seen.removed}
    assert {one.id for one in old} - gone | {one.id for one in seen.added} == {
        one.id for one in new
    }
    kept = {one.id: one.wire() for one in old if one.id not in gone}
    for change in seen.changed:
        kept[change.id] |= {key: value for key, (_, value) in change.fields.items()}
    after = {one.id: one.wire() for one in new}
    assert all(
        {key: value for key, value in fields.items() if value is not None} == after[key]
        for key, fields in kept.items()
    )
