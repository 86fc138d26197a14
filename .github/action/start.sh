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

# Split as the words of a command line, with their quotes; nothing of them is executed. Without what
# macOS's old bash lacks.
words=$("$venv/bin/python" -c '
import shlex, sys
try:
    print("\n".join(shlex.split(sys.argv[1])))
except ValueError as failure:
    sys.exit(f"::error::the options {sys.argv[1]!r} can not be read: {failure}")
' "${LOCALFAAS_ACTION_OPTIONS:-}")
options=(--detach)
while IFS= read -r word; do
  [ -z "$word" ] || options+=("$word")
done <<<"$words"
[ -z "${LOCALFAAS_ACTION_PATH:-}" ] || options+=("$LOCALFAAS_ACTION_PATH")
started=$("$venv/bin/localfaas" up "${options[@]}")
printf '%s\n' "$started"

# Where it listens is its own word: an option may have moved it.
endpoint=$(sed -n 's/^localfaas .* driver: //p' <<<"$started")
{
  echo "LOCALFAAS_ENDPOINT=$endpoint"
  "$venv/bin/localfaas" env --json --endpoint "$endpoint" | "$venv/bin/python" -c '
import json, sys
for name, value in json.load(sys.stdin).items():
    print(f"{name}={value}")
'
} >>"${GITHUB_ENV:-/dev/stdout}"
echo "endpoint=$endpoint" >>"${GITHUB_OUTPUT:-/dev/stdout}"
echo "$venv/bin" >>"${GITHUB_PATH:-/dev/stdout}"
