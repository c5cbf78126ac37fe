#!/bin/sh
# Brings the learner's feature repository from its ConfigMap to /lab/repo, and applies it. What is only
# in /lab/repo stays there, and counts for nothing: checks read the ConfigMap.
set -eu
mkdir -p /lab/repo /lab/data /lab/feast
cp -L /etc/workbench/feature_store.yaml /lab/repo/
for file in /lab/configmaps/repository/*; do
  [ ! -f "$file" ] || cp -L "$file" /lab/repo/
done
ln -sfn /lab/data /lab/repo/data
[ "${1:-}" = --no-apply ] || exec python3 /etc/workbench/apply.py /lab/repo
