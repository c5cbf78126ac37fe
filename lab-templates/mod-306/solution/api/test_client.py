"""The learner's own tests."""

import pytest
from platform_client import PlatformClient, PlatformError, main

NOBODY = "http://127.0.0.1:9"


def test_a_platform_that_is_away_is_an_error_with_a_code() -> None:
    with pytest.raises(PlatformError) as caught:
        PlatformClient(NOBODY).tenants()
    assert caught.value.code == "UNREACHABLE"


def test_the_command_says_on_one_line_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([NOBODY, "models"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "usage" in capsys.readouterr().err


def test_a_slash_too_many_does_no_harm() -> None:
    assert PlatformClient("http://platform/").url == "http://platform"
