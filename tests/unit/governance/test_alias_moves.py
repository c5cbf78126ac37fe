"""What a log says of moves that nobody asked for: which of them are still to be undone."""

from typing import Any

from practicum.governance.ledger import Ledger, replay

MODEL, ALIAS = "fraud", "champion"


def log(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"seq": number, **entry} for number, entry in enumerate(entries, 1)]


def entry(kind: str, before: str, after: str, **more: Any) -> dict[str, Any]:
    outcome = {"name": MODEL, "alias": ALIAS, "before": before, "after": after}
    return {"type": kind, "outcome": outcome, **more}


def executed(action: str, name: str, before: str, after: str) -> dict[str, Any]:
    request = {"name": name, "uid": f"uid-of-{name}"}
    more = {"state": "Executed", "action": action, "request": request}
    return entry("StateChanged", before, after, **more)


def of(*entries: dict[str, Any]) -> Ledger:
    return replay(log(entry("Baseline", "", "1"), *entries))


def test_a_move_is_to_be_undone_until_it_is_on_record_that_it_was() -> None:
    moved, back = entry("AliasMoved", "1", "2"), entry("AliasReverted", "2", "1")
    assert of(moved).moved == {(MODEL, ALIAS): "2"}
    assert of(moved, back).moved == {}
    assert of(moved, back, moved).moved == {(MODEL, ALIAS): "2"}


def test_a_move_never_changes_where_an_alias_belongs() -> None:
    assert of(entry("AliasMoved", "1", "2")).aliases == {(MODEL, ALIAS): "1"}
    assert not of(entry("AliasMoved", "1", "2")).is_approved(MODEL, "2")


def test_every_move_counts_so_that_the_same_one_made_again_is_another() -> None:
    moved, back = entry("AliasMoved", "1", "2"), entry("AliasReverted", "2", "1")
    assert [of().moves, of(moved).moves, of(moved, back, moved).moves] == [0, 1, 2]


def test_what_was_approved_meanwhile_leaves_nothing_to_undo() -> None:
    moved = entry("AliasMoved", "1", "3")
    ledger = of(moved, executed("PromoteModel", "forth", "1", "2"))
    assert ledger.moved == {}
    assert ledger.aliases == {(MODEL, ALIAS): "2", (MODEL, "previous"): "1"}


def test_a_rollback_says_which_promotion_it_undid() -> None:
    ledger = of(
        executed("PromoteModel", "forth", "1", "2"), executed("RollbackModel", "back", "2", "1")
    )
    assert ledger.rolled_back == {"uid-of-forth": "back"}
