"""What is said when the release may not go; tests/apiserver has what it does."""

from practicum.reconcile.farewell import refusal


def test_labs_are_named_with_the_remedy() -> None:
    said = refusal(["lab course-a/ada (Ready)", "namespace lab-ada-1"], None)
    assert "  lab course-a/ada (Ready)\n  namespace lab-ada-1\n" in said
    assert "kubectl delete labenvironments --all --all-namespaces --wait" in said
    assert "uninstall.deleteLabs=true" in said and "helm rollback" in said


def test_many_labs_are_counted() -> None:
    said = refusal([f"lab course-a/lab{number} (Ready)" for number in range(30)], None)
    assert "lab19" in said and "lab20" not in said and "and 10 more" in said


def test_labs_that_take_longer_keep_the_operator() -> None:
    said = refusal(["lab course-a/ada (Terminating: held by PersistentVolumeClaim data)"], 240)
    assert "not all labs are gone after 240 s" in said and "patienceSeconds" in said
    assert "held by PersistentVolumeClaim data" in said
