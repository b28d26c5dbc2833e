#!/usr/bin/env bash
# Makes the Python environment of the client tests in target/clients. Quick when it is there.
set -euo pipefail
clients="$(cd "$(dirname "$0")" && pwd)"
environment="$clients/../../../../target/clients"
# Written last, so that an environment that was cut short is made anew.
installed="$environment/requirements.txt"
if cmp --silent "$clients/requirements.txt" "$installed" && "$environment/bin/python3" -c ''; then
    exit 0
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
mkdir -p "$(dirname "$environment")"
rm -rf "$environment"
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
    --requirement "$clients/requirements.txt"
cp "$clients/requirements.txt" "$installed"
