"""Names and passwords: both follow from the lab alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.labtemplate import LEARNER, PLATFORM
from practicum.desired import access
from practicum.desired.lab import namespace_name
from practicum.settings import Settings
from tests import samples

LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?", fullmatch=True)
LAB_NAMES = st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)
UIDS = st.uuids().map(str)
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@given(LAB_NAMES, UIDS)
def test_namespace_names_are_valid(name: str, uid: str) -> None:
    for side in (LEARNER, PLATFORM, "team-a"):
        made = namespace_name(name, uid, side)
        assert DNS_LABEL.fullmatch(made), made
        assert len(made) <= 63
        assert made.startswith("lab-")
        assert made == namespace_name(name, uid, side)


@given(st.lists(st.tuples(LAB_NAMES, UIDS), min_size=2, max_size=20, unique=True))
def test_no_two_labs_share_a_namespace(labs: list[tuple[str, str]]) -> None:
    made = {
        namespace_name(name, uid, side)
        for name, uid in labs
        for side in (LEARNER, PLATFORM, "team-a")
    }
    assert len(made) == 3 * len(labs)


def test_a_lab_made_again_does_not_meet_its_dying_namespace() -> None:
    first, second = samples.lab(), samples.lab(uid=samples.OTHER_UID)
    assert not set(first.namespaces.values()) & set(second.namespaces.values())


@pytest.mark.parametrize("name", ["A.B", "ada..x", "x" * 52, "a" * 39 + "-b", "1", "...", "ä"])
def test_odd_names_still_give_namespaces(name: str) -> None:
    assert DNS_LABEL.fullmatch(namespace_name(name, samples.UID, "platform"))


def test_passwords_are_the_same_every_time() -> None:
    assert samples.lab().password("mlflow/admin") == samples.lab().password("mlflow/admin")
    assert samples.lab(name="other").password("x") == samples.lab().password("x")
    assert samples.lab().password("x") == "6u8bleA-4iszsP7uqRWRrWuFq3gbi3CVoEIY1iYDRS8"


def test_passwords_differ_by_lab_purpose_version_and_root_key() -> None:
    lab = samples.lab()
    made = {
        lab.password("x"),
        lab.password("y"),
        lab.password("x", version=2),
        samples.lab(uid=samples.OTHER_UID).password("x"),
        samples.lab(settings=Settings(root_key=b"another")).password("x"),
    }
    assert len(made) == 5


@given(st.text(max_size=20))
def test_passwords_fit_anywhere(purpose: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", samples.lab().password(purpose))


@given(st.lists(st.tuples(LAB_NAMES, LABEL), min_size=2, max_size=6, unique=True))
def test_no_two_people_share_an_account(people: list[tuple[str, str]]) -> None:
    made = {access.account(samples.lab(name=name), persona) for name, persona in people}
    assert len(made) == len(people)


def test_labs_of_similar_names_do_not_share_accounts() -> None:
    first = access.account(samples.lab(name="ada"), "reviewer-risk")
    assert first != access.account(samples.lab(name="ada-reviewer"), "risk")


def test_labels_tell_lab_course_and_uid() -> None:
    labels = samples.lab().labels(extra="x")
    assert labels["practicum.dev/lab"] == "ada"
    assert labels["practicum.dev/course"] == "course-a"
    assert labels["practicum.dev/lab-uid"] == samples.UID
    assert labels["app.kubernetes.io/managed-by"] == "practicum"
    assert labels["extra"] == "x"


def test_objects_of_the_course_are_owned_by_the_lab() -> None:
    lab = samples.lab()
    (owner,) = lab.object("Secret", "x", None)["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("LabEnvironment", samples.UID)
    # Owners cannot be in another namespace: the garbage collector would delete the object.
    assert "ownerReferences" not in lab.object("Secret", "x", "learner")["metadata"]
