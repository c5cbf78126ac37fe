"""The operator's image vets policies with the OPA that labs run."""

from e2e.cluster.cache import REPOSITORY
from e2e.cluster.images import UPSTREAM_OPA
from tests import samples


def test_the_operator_has_the_opa_of_the_labs() -> None:
    text = (REPOSITORY / "operator/Containerfile").read_text(encoding="utf-8")
    assert f"COPY --from={UPSTREAM_OPA} /opa /usr/local/bin/opa" in text
    assert samples.module("mod-506").images["opa"] == UPSTREAM_OPA.removeprefix("docker.io/")
