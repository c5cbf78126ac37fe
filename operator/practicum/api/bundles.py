"""What those who build a bundle of policies and those who have OPA read it agree on."""

from typing import Final

ALGORITHM: Final = "HS256"
KEY_ID: Final = "practicum"
"""Name of the key in OPA's configuration."""
KEY_PURPOSE: Final = "opa/bundle"
"""Purpose from which that key is derived, in the component's manifests too."""
FILE: Final = "bundle.tar.gz"
"""Key of the ConfigMap that holds a bundle, and its name in OPA's folder of policies."""
BUNDLE: Final = "lab"
"""Name of the bundle in OPA's configuration and in what it says of itself."""
