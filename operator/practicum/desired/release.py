"""Lets a lab's OPA decide by the policies that were released last; else by the template's own."""

from typing import Final

from practicum.api.bundles import ALGORITHM, BUNDLE, FILE, KEY_ID
from practicum.desired.lab import Lab

# The key comes by the environment, for this lies in a ConfigMap.
_CONFIG: Final = f"""\
keys:
  {KEY_ID}: {{algorithm: {ALGORITHM}, key: "${{BUNDLE_KEY}}"}}
bundles:
  {BUNDLE}: {{resource: "file:///policies/{FILE}", signing: {{keyid: {KEY_ID}}}}}
"""


def policies(lab: Lab, default: str) -> str:
    """Return the ConfigMap that OPA's policies come from."""
    governed = lab.resource.status.governed
    return governed.policy.config_map if governed and governed.policy else default


def bundles(lab: Lab) -> str:
    """Return what OPA's configuration says of bundles; nothing while it reads plain files."""
    governed = lab.resource.status.governed
    return _CONFIG if governed and governed.policy else ""
