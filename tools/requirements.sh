#!/usr/bin/env bash
# Compiles requirements/*.txt, pinned and hashed, from pyproject.toml and requirements/build.in.
# Pins that still fit are kept; `tools/requirements.sh --upgrade` takes the newest of everything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=$(dirname "$(make -s print-python)")/uv

# compile SOURCE TARGET [OPTION...]
compile() {
  local source=$1 target=$2
  shift 2
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --custom-compile-command 'make requirements' \
    --no-emit-index-url --no-emit-find-links \
    --output-file "requirements/$target" "$source" "$@"
}

compile pyproject.toml runtime.txt "$@"
# The image installs runtime.txt, the tests dev.txt: one version of everything in both.
compile pyproject.toml dev.txt --extra dev --extra report --constraints requirements/runtime.txt "$@"
compile requirements/build.in build.txt "$@"
