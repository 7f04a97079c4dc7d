#!/usr/bin/env bash
# Bring a key set into an Azure AD B2C tenant. This script holds no secret, but the .json files in
# its directory do. It removes each of them once the service has accepted it. It stops at the
# first error. Run it again, and it continues where it stopped.
#
# Usage: bash provision.sh [--replace] [TENANT-ID]
#
#   TENANT-ID   stop if az is signed in to another tenant
#   --replace   confirm that the existing keys of the key set are lost
#
# Sign in first, as an application of the tenant with the application permission
# TrustFrameworkKeySet.ReadWrite.All: see sign_in= below. If you sign in to az as yourself, you get
# a token of az's own application, which Graph refuses. Use the PowerShell script for that.
set -euo pipefail
umask 077
export LC_ALL=C
# The log file of az has the bodies of its requests, with private keys.
export AZURE_LOGGING_ENABLE_LOG_FILE=false
# Always verify the server that private keys are sent to.
unset AZURE_CLI_DISABLE_CONNECTION_VERIFICATION
unset CDPATH

# Example settings, replaced by trustkeys:
keyset=B2C_1A_Example
base=https://graph.microsoft.com/beta
resource=https://graph.microsoft.com
sign_in='az login --service-principal --username APP-ID --tenant TENANT-ID'
path=/trustFramework/keySets/B2C_1A_Example
steps=2
replaces=yes
one_of_all='keys[].n'
lost_query='keys[].[n,kid]'
active=n
# End of the example.

errors=az-errors.txt
# The key set in the tenant, and as it must be there after the steps up to now: "absent", or
# "present" and one line for each key.
state=absent
known=absent
brought=
# Whether this run has sent a request.
sent=no
answer=

say() { printf '%s\n' "$*"; }

stop() {
  printf 'provision.sh: %s\n' "$*" >&2
  exit 1
}

# Show the errors of az, and stop.
failed() {
  cat -- "$errors" >&2
  if grep -q 'Forbidden(' "$errors"; then
    say "Signing in to az as yourself is not enough. Sign in as an application with the" \
      "permission TrustFrameworkKeySet.ReadWrite.All: $sign_in" >&2
  fi
  stop "$@"
}

current_tenant() {
  local id
  if ! id=$(az account show --query tenantId --output tsv); then
    stop "az is not signed in: $sign_in"
  fi
  printf '%s' "$id" | tr -cd '[:alnum:]-'
}

# Convert base64 to base64url, one line for each key, sorted.
lines() { printf '%s\n' "$1" | tr -d '=\r' | tr '/+' '_-' | sed '/^$/d' | sort; }

present() {
  printf 'present\n'
  lines "$1"
}

# Send a request, and repeat it while it is throttled: METHOD PATH and more arguments of az rest.
# az exits with 1 on any error, and prints "ERROR: Reason({...})" on standard error. It shows
# response headers with --debug only, which also shows the body. So the pause is taken from the
# text of the error, else it starts at 5 seconds and doubles.
call() {
  local pause=5 seconds
  while ! answer=$(az rest --method "$1" --url "$base$2" --resource "$resource" "${@:3}" \
    2>"$errors"); do
    if [ "$pause" -gt 160 ] || ! grep -q -e 'Too Many Requests' -e AADB2C95043 "$errors"; then
      return 1
    fi
    seconds=$(sed -n \
      's/.*[Rr]etry[-_ ]\{0,1\}[Aa]fter[^0-9]\{0,12\}\([0-9]\{1,4\}\).*/\1/p' "$errors" \
      | sed -n 1p)
    say "The service is busy: waiting for ${seconds:-$pause} seconds."
    sleep "${seconds:-$pause}"
    pause=$((pause * 2))
  done
  cat -- "$errors" >&2
}

look() {
  if call get "$path" --query "$one_of_all" --output tsv; then
    state=$(present "$answer")
  # AADB2C90073 comes with the status Bad Request.
  elif grep -q -e 'Not Found(' -e AADB2C90073 -e AADB2C95052 "$errors"; then
    state=absent
  else
    failed "could not read $keyset: nothing was sent"
  fi
}

# Send a body: NUMBER METHOD PATH.
send() {
  say "Step $1 of $steps: $2 $3"
  # If az cannot read the file, it sends the text "@FILE" instead.
  [ -r "$1.json" ] || stop "cannot read $1.json"
  # az may be signed in to another tenant since the start.
  [ "$(current_tenant)" = "$tenant" ] || stop "az is signed in to another tenant now"
  : >"$1.sent"
  sent=yes
  if ! call "$2" "$3" --headers Content-Type=application/json --body "@$1.json" --output none
  then
    # A refused request had no effect. After any other error that is unknown.
    if grep -q -E '(Bad Request|Unauthorized|Forbidden|Not Found|Conflict|Too Many Requests)\(' \
      "$errors"; then
      rm -f -- "$1.sent"
    fi
    failed "step $1 of $steps failed: fix the cause and run this again to continue here"
  fi
}

# Send a request unless an earlier run did: NUMBER PATH KEYS.
step() {
  local before=$known pause=2
  brought="$brought$3"$'\n'
  known=$(present "$brought")
  if [ ! -e "$1.json" ]; then
    say "Step $1 of $steps: already done"
    return
  fi
  look
  # A change by this run or by the one before may not be visible yet.
  while [ "$pause" -le 8 ]; do
    if [ "$sent" = yes ] && [ "$state" = "$before" ]; then break; fi
    if [ "$sent" = no ] && { [ ! -e "$1.sent" ] || [ "$state" != "$before" ]; }; then break; fi
    sleep "$pause"
    pause=$((pause * 2))
    look
  done
  if [ "$state" = "$before" ]; then
    send "$1" post "$2"
  elif [ "$sent" = no ] && [ -e "$1.sent" ] && [ "$state" = "$known" ]; then
    say "Step $1 of $steps: already done"
  elif [ "$before" = absent ]; then
    stop "$keyset already exists, and this script did not create it (AADB2C95028): compare the" \
      "two; to lose the existing keys, write the requests again with --replace"
  else
    stop "$keyset is not as this script left it: it was changed by somebody else, or this is" \
      "another tenant. Nothing was sent: compare the two"
  fi
  rm -f -- "$1.json" "$1.sent"
}

# Replace all keys of the key set: NUMBER PATH KEYS.
replace() {
  local brought key kid lost=
  if [ ! -e "$1.json" ]; then
    say "Step $1 of $steps: already done"
    return
  fi
  if ! call get "$path" --query "$lost_query" --output tsv; then
    failed "could not read $keyset: if it does not exist, write the requests again without" \
      "--replace"
  fi
  brought=$(lines "$3")
  while IFS=$'\t' read -r key kid; do
    [ -n "$key" ] || continue
    printf '%s\n' "$brought" | grep -qxF -e "$(lines "$key")" || lost="$lost$kid"$'\n'
  done <<<"$answer"
  if [ -z "$lost" ]; then
    say "All keys of $keyset in the tenant are among the new keys."
  else
    say "These keys of $keyset in the tenant do not seem to be among the new keys. They will be" \
      "lost, and cannot be read back:"
    printf '%s' "$lost" | tr -cd '[:print:]\n'
  fi
  if [ "$replacing" != yes ]; then
    stop "nothing was sent: to lose these keys, run this again with --replace"
  fi
  send "$1" put "$2"
  rm -f -- "$1.json" "$1.sent"
}

# Compare the active key with the schedule on standard input, in lines of START END KEY.
check() {
  local now start end shows expected=- found='' pause=5
  now=$(date +%s)
  while read -r start end shows; do
    if [ "$start" -le "$now" ] && { [ "$end" = - ] || [ "$now" -lt "$end" ]; }; then
      expected=$shows
    fi
  done
  if [ "$expected" = - ]; then
    stop "MISMATCH: by their dates, no key of $keyset is active now, and sign-in fails"
  fi
  while :; do
    found=
    if call get "$path/getActiveKey" --query "$active" --output tsv; then
      found=$(lines "$answer")
    else
      cat -- "$errors" >&2
    fi
    if [ "$found" = "$expected" ]; then
      say "OK: the active key of $keyset is the one that is expected."
      return
    fi
    [ "$pause" -le 20 ] || break
    sleep "$pause"
    pause=$((pause * 2))
  done
  say "expected: $expected"
  say "found:    $found" | tr -cd '[:print:]\n'
  stop "MISMATCH: the active key of $keyset is another one: check whether the keys in the tenant" \
    "are enabled, and compare the two"
}

usage() {
  printf 'Usage: bash provision.sh [--replace] [TENANT-ID]\n' >&2
  exit 2
}

wanted=
replacing=no
for argument in "$@"; do
  case $argument in
    --replace) replacing=yes ;;
    -* | '')
      usage
      ;;
    *)
      [ -z "$wanted" ] || usage
      wanted=$argument
      ;;
  esac
done
if [ "$replacing" = yes ] && [ "$replaces" = no ]; then
  stop "these requests replace nothing: leave --replace out"
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
trap 'rm -f -- "$errors"' EXIT

command -v az >/dev/null || stop "az is not installed: see https://aka.ms/azure-cli"
tenant=$(current_tenant)
say "Tenant: $tenant at $resource"
if [ -n "$wanted" ] \
  && [ "$(printf '%s' "$wanted" | tr '[:upper:]' '[:lower:]')" \
    != "$(printf '%s' "$tenant" | tr '[:upper:]' '[:lower:]')" ]; then
  stop "this is another tenant than $wanted: nothing was sent"
fi

# Example steps and schedule, replaced by trustkeys:
step 1 /trustFramework/keySets MODULUS
replace 2 /trustFramework/keySets/B2C_1A_Example MODULUS
check <<'SCHEDULE'
0 - MODULUS
SCHEDULE
# End of the example.
