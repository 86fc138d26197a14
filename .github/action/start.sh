#!/usr/bin/env bash
# Installs localfaas into an environment of its own, starts it, and sets for later steps the
# variables by which AWS SDKs find it. action.yml calls it; other CI systems can, too.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
venv=${RUNNER_TEMP:-/tmp}/localfaas
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "::error::localfaas needs Python 3.11 or newer: use actions/setup-python before it" >&2
  exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
if [ -n "${LOCALFAAS_ACTION_VERSION:-}" ]; then
  "$venv/bin/pip" install --quiet --disable-pip-version-check "localfaas==$LOCALFAAS_ACTION_VERSION"
else
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$here"
fi

# Split as the words of a command line, with their quotes; nothing of them is executed.
mapfile -t options < <(xargs --no-run-if-empty printf '%s\n' <<<"${LOCALFAAS_ACTION_OPTIONS:-}")
[ -z "${LOCALFAAS_ACTION_PATH:-}" ] || options+=("$LOCALFAAS_ACTION_PATH")
"$venv/bin/localfaas" up --detach "${options[@]}"

endpoint=${LOCALFAAS_ENDPOINT:-http://localhost:${LOCALFAAS_PORT:-4566}}
"$venv/bin/localfaas" env --json --endpoint "$endpoint" | "$venv/bin/python" -c '
import json, sys
for name, value in json.load(sys.stdin).items():
    print(f"{name}={value}")
' >>"${GITHUB_ENV:-/dev/stdout}"
echo "endpoint=$endpoint" >>"${GITHUB_OUTPUT:-/dev/stdout}"
echo "$venv/bin" >>"${GITHUB_PATH:-/dev/stdout}"
