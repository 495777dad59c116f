#!/usr/bin/env bash
# Installs the parts of Ceph that tests/servers/ceph.py starts, unless they are installed. None of them runs as a service.
set -euo pipefail

is_there() {
    command -v radosgw && command -v radosgw-admin && command -v ceph-mon && command -v ceph-osd && command -v ceph
} >/dev/null

is_there && exit
if ! command -v apt-get >/dev/null; then
    echo "Ceph is not installed and there is no apt-get: install radosgw, ceph-mon and ceph-osd by hand" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo --non-interactive)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -q -y --no-install-recommends radosgw ceph-mon ceph-osd
is_there || { echo "Ceph's packages are installed, but not all of its programs are on the path" >&2; exit 1; }
