"""What tests of ``practicum doctor`` hold a check's finding against."""

from practicum.cli.examination import Finding, State

OK, WARN, FAIL, UNKNOWN = State.OK, State.WARN, State.FAIL, State.UNKNOWN


def judged(finding: Finding, state: State, words: str) -> None:
    """Assert a state, words of the text, and a remedy unless all is well."""
    assert finding.state is state, finding
    assert words in finding.text, finding
    assert bool(finding.remedy) is (state is not OK)
