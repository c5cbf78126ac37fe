#!/bin/sh
# Before the servers start: the module's data, and a registry with what the learner has so far. A
# repository that cannot be applied must not keep anybody out of the workbench.
set -eu
mkdir -p /lab/data /lab/feast
[ ! -f /etc/data/data.py ] || python3 /etc/data/data.py /lab/data
sh /etc/workbench/sync.sh && exit 0
echo "workbench: the repository cannot be applied yet: mend it, then run: lab-sync"
mkdir -p /tmp/empty
cp /etc/workbench/feature_store.yaml /tmp/empty/
echo 'from feast import Project; project = Project(name="lab")' > /tmp/empty/project.py
exec python3 /etc/workbench/apply.py /tmp/empty
