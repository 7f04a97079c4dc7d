#!/usr/bin/env bash
# Brings a key set into an Azure AD B2C tenant. This script holds no secret. The files beside it
# do: each is removed as soon as the service has taken it. It stops at the first error; run it
# again then, and it goes on where it stopped.
#
# Usage: bash provision.sh [--replace] [TENANT-ID]
#
#   TENANT-ID   stop if az is signed in to another tenant
#   --replace   where the requests replace a key set: lose the keys that are in it
#
# Sign in first, as an application of the tenant that has the application permission
# TrustFrameworkKeySet.ReadWrite.All. A person who signs in to az gets a token of az's own
# application, which Graph refuses here: use the PowerShell script for that. The command stands
# below, after sign_in=.
set -euo pipefail
umask 077
export LC_ALL=C
# az would write what it sends, private keys included, into its log file.
export AZURE_LOGGING_ENABLE_LOG_FILE=false
# Private keys go to the service alone.
unset AZURE_CLI_DISABLE_CONNECTION_VERIFICATION
unset CDPATH

# Example settings:
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
# What is there, and what has to be there: "absent", or "present" and a line for each key.
state=absent
known=absent
brought=
# Whether this run has sent anything.
sent=no
answer=

say() { printf '%s\n' "$*"; }

stop() {
  printf 'provision.sh: %s\n' "$*" >&2
  exit 1
}

# Show what az said, and stop.
failed() {
  cat -- "$errors" >&2
  if grep -q 'Forbidden(' "$errors"; then
    say "A person who signs in to az cannot do this. Sign in as an application that has the" \
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

# Base64 of any kind as base64url, one line for each key, in an order that is always the same.
lines() { printf '%s\n' "$1" | tr -d '=\r' | tr '/+' '_-' | sed '/^$/d' | sort; }

present() {
  printf 'present\n'
  lines "$1"
}

# Ask the service: METHOD PATH and arguments of az rest. Asks again where it is throttled.
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
  elif grep -q -e 'Not Found(' -e AADB2C95052 "$errors"; then
    state=absent
  else
    failed "could not look at $keyset: nothing was sent"
  fi
}

# Send a body: NUMBER METHOD PATH.
send() {
  say "Step $1 of $steps: $2 $3"
  # az would send the file's name in place of what it cannot read.
  [ -r "$1.json" ] || stop "cannot read $1.json"
  # Somebody may have signed in to another one meanwhile.
  [ "$(current_tenant)" = "$tenant" ] || stop "az is signed in to another tenant now"
  : >"$1.sent"
  sent=yes
  if ! call "$2" "$3" --headers Content-Type=application/json --body "@$1.json" --output none
  then
    # What was refused was not done; of anything else nobody knows.
    if grep -q -E '(Bad Request|Unauthorized|Forbidden|Not Found|Conflict|Too Many Requests)\(' \
      "$errors"; then
      rm -f -- "$1.sent"
    fi
    failed "step $1 of $steps failed: mend that and run this again, it goes on here"
  fi
}

# Send one request unless that was done before: NUMBER PATH KEYS.
step() {
  local before=$known pause=2
  brought="$brought$3"$'\n'
  known=$(present "$brought")
  if [ ! -e "$1.json" ]; then
    say "Step $1 of $steps: was done before"
    return
  fi
  look
  # What was sent a moment ago, by this run or the one before, may not be visible yet.
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
    say "Step $1 of $steps: was done before"
  elif [ "$before" = absent ]; then
    stop "$keyset is there already, and this has not made it (AADB2C95028): compare the two;" \
      "to lose the keys that are there, make the requests anew and ask for replacing"
  else
    stop "$keyset is not as this left it: somebody else has changed it, or this is another" \
      "tenant; nothing was sent. Compare the two"
  fi
  rm -f -- "$1.json" "$1.sent"
}

# Put new keys in the place of all others: NUMBER PATH KEYS.
replace() {
  local brought key kid lost=
  if [ ! -e "$1.json" ]; then
    say "Step $1 of $steps: was done before"
    return
  fi
  if ! call get "$path" --query "$lost_query" --output tsv; then
    failed "$keyset cannot be looked at: where it is not there, make the requests anew without" \
      "replacing"
  fi
  brought=$(lines "$3")
  while IFS=$'\t' read -r key kid; do
    [ -n "$key" ] || continue
    printf '%s\n' "$brought" | grep -qxF -e "$(lines "$key")" || lost="$lost$kid"$'\n'
  done <<<"$answer"
  if [ -z "$lost" ]; then
    say "All keys that are in $keyset there are among the new ones."
  else
    say "These keys are in $keyset there, and for all that can be seen not among the new ones." \
      "They are lost then, and cannot be read back:"
    printf '%s' "$lost" | tr -cd '[:print:]\n'
  fi
  if [ "$replacing" != yes ]; then
    stop "nothing was sent: to lose these keys, run this again with --replace"
  fi
  send "$1" put "$2"
  rm -f -- "$1.json" "$1.sent"
}

# Compare the active key with the schedule, which is standard input: START END KEY.
check() {
  local now start end shows expected=- found='' pause=5
  now=$(date +%s)
  while read -r start end shows; do
    if [ "$start" -le "$now" ] && { [ "$end" = - ] || [ "$now" -lt "$end" ]; }; then
      expected=$shows
    fi
  done
  if [ "$expected" = - ]; then
    stop "MISMATCH: by their dates no key of $keyset is active now, and sign-in fails"
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
  stop "MISMATCH: the active key of $keyset is another: compare the two, and look whether the" \
    "keys there are enabled"
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
  stop "these requests replace nothing: --replace is for those that were made for it"
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
trap 'rm -f -- "$errors"' EXIT

tenant=$(current_tenant)
say "Tenant: $tenant at $resource"
if [ -n "$wanted" ] \
  && [ "$(printf '%s' "$wanted" | tr '[:upper:]' '[:lower:]')" \
    != "$(printf '%s' "$tenant" | tr '[:upper:]' '[:lower:]')" ]; then
  stop "this is another tenant than the one that was named: nothing was sent"
fi

# Example steps, and the schedule:
step 1 /trustFramework/keySets MODULUS
replace 2 /trustFramework/keySets/B2C_1A_Example MODULUS
check <<'SCHEDULE'
0 - MODULUS
SCHEDULE
# End of the example.
