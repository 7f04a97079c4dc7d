#!/usr/bin/env bash
# Bring key sets into an Azure AD B2C tenant. This script holds no secret, but the .json files in
# its directory do. It removes each of them once the service has accepted it. It stops at the
# first error. Run it again, and it continues where it stopped.
#
# Usage: bash provision.sh [--replace] [--same | --new] [TENANT-ID]
#
#   TENANT-ID   stop if az is signed in to another tenant
#   --replace   confirm that the existing keys of the key set are lost
#   --same      do not add a secret if the tenant has one with the same use and dates
#   --new       add it all the same
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
# Python, which az runs on, would import modules from the directory of this script.
export PYTHONSAFEPATH=1
unset CDPATH

# Example settings, replaced by trustkeys:
base=https://graph.microsoft.com/beta
resource=https://graph.microsoft.com
sign_in='az login --service-principal --username APP-ID --tenant TENANT-ID'
steps=4
replaces=yes
appends=yes
# End of the example.

# The key set at hand, and its use.
keyset=
use=
path=
# Its keys in the tenant, and as they must be there after the steps up to now: "absent", or
# "present" and the name of each key.
state=absent
known=absent
# A line for each of its keys in the tenant: what Graph shows of the key, its status and its kid.
shown=
# Whether this run compares the key set with the tenant first, and whether it has sent a request.
appending=no
sent=no
# The claim of this run on a step for which it has not sent anything.
claim=
# What az prints if the service, or the sign-in, has refused a request.
refusals='Bad Request|Unauthorized|Forbidden|Not Found|Conflict|Too Many Requests|AADSTS'
answer=
errors=az-errors.$$.txt

say() { printf '%s\n' "$*"; }

# Show text of the service without control characters.
say_plainly() { printf '%s\n' "$*" | plainly; }

plainly() { tr -cd '[:print:]\n'; }

stop() {
  printf 'provision.sh: %s\n' "$*" >&2
  exit 1
}

# Show the errors of az, and stop.
failed() {
  show_errors
  if grep -q -E '^ERROR: (Forbidden|Unauthorized)' "$errors"; then
    say "Signing in to az as yourself is not enough. Sign in as an application with the" \
      "permission TrustFrameworkKeySet.ReadWrite.All. az keeps its token: after you granted the" \
      "permission, sign out first: az logout; $sign_in" >&2
  fi
  stop "$@"
}

# Show the errors of az. If the connection fails, az prints a traceback after two lines, of which
# the second one says why.
show_errors() {
  if grep -q '^Traceback ' "$errors"; then
    sed -n -e '/^Traceback /q' -e 2p "$errors" | plainly >&2
  elif [ -s "$errors" ]; then
    plainly <"$errors" >&2
  else
    say "az failed and printed nothing" >&2
  fi
}

current_tenant() {
  local id
  if ! id=$(az account show --query tenantId --output tsv); then
    stop "az is not signed in: $sign_in"
  fi
  printf '%s' "$id" | tr -cd '[:alnum:]-'
}

# Begin a key set: ID USE.
key_set() {
  keyset=$1 use=$2 path=/trustFramework/keySets/$1
  known=absent appending=no sent=no
}

# What Graph shows of a key, as trustkeys writes it: ["sig",NBF,EXP,"MODULUS"]. Graph does not show
# the secret of an oct key, so that null is in the place of the modulus. Its pages have dates as text,
# too, and JSON can write a whole number with a fraction of zero.
query_key() {
  local nbf='nbf && floor(to_number(nbf))' exp='exp && floor(to_number(exp))'
  printf "to_string([use || '%s',%s,%s,n])" "$use" "$nbf" "$exp"
}

# Convert base64 to base64url: TEXT.
plain() {
  local text=${1//[$'=\r']/}
  text=${text//+/-}
  say "${text//\//_}"
}

# Reduce what Graph shows of keys to their names: the modulus of an RSA key, and all of an oct key.
names() { sed -e 's/^\[.*,"\([^"]*\)"\]$/\1/' -e '/^$/d'; }

# Add keys to a state: STATE NAMES.
with() { printf '%s\n' "${1/#absent/present}" "$2" | sed '/^$/d' | sort; }

# Count the lines of a text that are equal to another one: TEXT LINE.
count() { say "$1" | grep -cxF -e "$2" || true; }

# Send a request, and repeat it while it is throttled: METHOD PATH and more arguments of az rest.
# az exits with 1 on any error, and prints "ERROR: Reason({...})" on standard error. It shows
# response headers with --verbose and --debug only, which also show the body. So the pause is taken
# from the text of the error, else it starts at 5 seconds and doubles.
call() {
  local pause=5 seconds
  while ! answer=$(az rest --method "$1" --url "$base$2" --resource "$resource" "${@:3}" \
    2>"$errors"); do
    if [ "$pause" -gt 160 ] \
      || ! grep -q -e '^ERROR: Too Many Requests' -e AADB2C95043 "$errors"; then
      return 1
    fi
    seconds=$(sed -n \
      's/.*[Rr]etry[-_ ]\{0,1\}[Aa]fter[^0-9]\{0,12\}\([0-9]\{1,4\}\).*/\1/p' "$errors" \
      | sed -n 1p)
    say "The service is busy: waiting for ${seconds:-$pause} seconds."
    sleep "${seconds:-$pause}"
    pause=$((pause * 2))
  done
  plainly <"$errors" >&2
}

# Read the key set in the tenant.
look() {
  local query line status kid
  # The first row proves that az has read JSON: it prints anything else as it is, without an error.
  query="[[['keys','','']],keys[].[$(query_key),status || 'enabled',kid]][]"
  if call get "$path" --query "$query" --output tsv; then
    if [ "${answer%%$'\t'*}" != keys ]; then return 1; fi
    shown=$(while IFS=$'\t' read -r line status kid; do
      [ "$line" = keys ] || say "$(plain "$line") $status $kid"
    done <<<"$answer")
    state=$(with absent "$(keys_shown | names)")
  # AADB2C90073 comes with the status Bad Request.
  elif grep -q -e '^ERROR: Not Found' -e AADB2C90073 -e AADB2C95052 "$errors"; then
    shown=
    state=absent
  else
    return 1
  fi
}

look_or_stop() { look || failed "could not read $keyset: nothing was sent"; }

# Print what Graph shows of each key in the tenant.
keys_shown() { say "$shown" | cut -d ' ' -f 1; }

# Whether a process is another run of this script.
is_running() {
  [ -n "$1" ] && [ "$1" != $$ ] && kill -0 "$1" 2>/dev/null || return 1
  # The system may have given the number of a killed run to another program. -ww: whole lines.
  case $(ps -ww -o args= -p "$1" 2>/dev/null) in
    '' | *"${BASH_SOURCE[0]##*/}"*) return 0 ;;
  esac
  return 1
}

# Print the name of the last claim on a step: NUMBER. Each attempt adds a claim, which has the
# process of the run and the keys in the tenant before the step.
last_claim() {
  local number=0
  while [ -e "$1.sent.$((number + 1))" ]; do number=$((number + 1)); done
  [ "$number" = 0 ] || say "$1.sent.$number"
}

# Stop if another run is at a step: CLAIM.
stop_if_running() {
  local owner=
  # The other run may be about to write its number.
  [ -z "$1" ] || [ -s "$1" ] || sleep 1
  [ -z "$1" ] || owner=$(sed -n 1p "$1" 2>/dev/null || true)
  if is_running "$owner"; then
    stop "another run of this script is at work (process $owner): wait until it has ended"
  fi
}

# Claim a step, so that no other run sends it at the same time: NUMBER LAST-CLAIM KEYS-BEFORE.
claim_step() {
  local number=0
  stop_if_running "$2"
  [ -z "$2" ] || number=${2##*.}
  claim="$1.sent.$((number + 1))"
  if ! (set -C && printf '%s\n' $$ "$3" >"$claim") 2>/dev/null; then
    claim=
    stop "another run of this script has begun this step: wait until it has ended"
  fi
  if [ ! -e "$1.json" ]; then
    stop "another run of this script has done this step: run this again"
  fi
}

# Remove the body of a step that is done, and the claims on it: NUMBER.
finish() {
  rm -f -- "$1.json"
  rm -f -- "$1.sent."*
  claim=
}

# Send a body: NUMBER METHOD PATH.
send() {
  local mine=$claim
  say "Step $1 of $steps: $2 $3"
  # If az cannot read the file, it sends the text "@FILE" instead.
  [ -r "$1.json" ] || stop "cannot read $1.json"
  # az may be signed in to another tenant since the start.
  [ "$(current_tenant)" = "$tenant" ] || stop "az is signed in to another tenant now"
  # From here on the claim stays if this run is killed.
  claim=
  sent=yes
  # az prints an answer that is not JSON, which is not Graph's, and has no error then.
  if ! call "$2" "$3" --headers Content-Type=application/json --body "@$1.json" --output none \
    || [ -n "$answer" ]; then
    # A refused request had no effect. After any other error that is unknown.
    if grep -q -E "^ERROR: ($refusals)" "$errors" && ! grep -q AADB2C90063 "$errors"; then
      rm -f -- "$mine"
    fi
    failed "step $1 of $steps failed: fix the cause and run this again to continue here"
  fi
}

# Send a request unless an earlier run did: NUMBER PATH KEYS.
step() {
  local before=$known last claimed pause=2
  if [ ! -e "$1.json" ]; then
    # The comparison has already found its keys in the tenant.
    [ "$appending" = yes ] || known=$(with "$known" "$3")
    finish "$1"
    say "Step $1 of $steps: already done"
    return
  fi
  last=$(last_claim "$1")
  # The other run may remove it in this moment.
  claimed=$(sed 1d "$last" 2>/dev/null || true)
  if [ -n "$claimed" ]; then before=$claimed; fi
  claim_step "$1" "$last" "$before"
  known=$(with "$before" "$3")
  look_or_stop
  # A change by this run or by the one before may not be visible yet.
  while [ "$pause" -le 8 ]; do
    if [ -n "$last" ]; then
      [ "$state" = "$before" ] || break
    elif [ "$sent" = no ] || [ "$state" = "$before" ]; then
      break
    fi
    sleep "$pause"
    pause=$((pause * 2))
    look_or_stop
  done
  if [ "$state" = "$before" ]; then
    send "$1" post "$2"
  elif [ -n "$last" ] && [ "$state" = "$known" ]; then
    say "Step $1 of $steps: already done"
  elif [ "$before" = absent ]; then
    stop "$keyset already exists, and this script did not create it (AADB2C95028): compare the" \
      "two; to add the keys that it lacks, write the requests again with --append; to lose the" \
      "existing keys, with --replace"
  else
    stop "$keyset is not as this script left it: it was changed by somebody else, or this is" \
      "another tenant. Nothing was sent: compare the two, and write the requests again with" \
      "--append"
  fi
  finish "$1"
}

# Replace all keys of the key set: NUMBER PATH KEYS.
replace() {
  local key status kid lost
  if [ ! -e "$1.json" ]; then
    known=$(with absent "$3")
    finish "$1"
    say "Step $1 of $steps: already done"
    return
  fi
  claim_step "$1" "$(last_claim "$1")" absent
  look_or_stop
  if [ "$state" = absent ]; then
    stop "$keyset does not exist: write the requests again without --replace"
  fi
  lost=$(while read -r key status kid; do
    # All secrets count as lost, since Graph does not show them.
    case $key in
      *,null]) say "$kid" ;;
      *) [ "$(count "$3" "$(say "$key" | names)")" != 0 ] || say "$kid" ;;
    esac
  done <<<"$shown")
  if [ -z "$lost" ]; then
    say "All keys of $keyset in the tenant are among the new keys."
  else
    say "These keys of $keyset in the tenant do not seem to be among the new keys. They will be" \
      "lost, and cannot be read back:"
    say_plainly "$lost"
  fi
  if [ "$replacing" != yes ]; then
    stop "nothing was sent: to lose these keys, run this again with --replace"
  fi
  send "$1" put "$2"
  finish "$1"
  known=$(with absent "$3")
}

# Compare the key set with the tenant, and say what will be added: lines of NUMBER KEY TEXT. The
# number is "-" if the key cannot be added and must be in the tenant.
append() {
  local keys number key text name last taken='' there='' unclear='' missing='' added=''
  keys=$(cat)
  appending=yes
  look_or_stop
  known=$state
  if [ "$state" = absent ]; then
    stop "$keyset does not exist: write the requests again without --append"
  fi
  while read -r number key text; do
    if [ "$number" = - ]; then continue; fi
    last=$(last_claim "$number")
    stop_if_running "$last"
    if [ -n "$last" ]; then
      say "An earlier run stopped in step $number of $steps."
      return
    fi
    [ -e "$number.json" ] || taken="$taken$(say "$key" | names)"$'\n'
  done <<<"$keys"
  while read -r name; do
    if [ -n "$name" ] && [ "$(count "$state" "$name")" -lt "$(count "$taken" "$name")" ]; then
      stop "$keyset lacks a key that an earlier run has added or found: this is another tenant, or" \
        "the key was removed, or the service does not show it yet. Nothing was sent: run this" \
        "again in a minute, or write the requests again"
    fi
  done <<<"$taken"
  while read -r number key text; do
    if [ "$number" != - ] && [ ! -e "$number.json" ]; then continue; fi
    name=$(say "$key" | names)
    if [ "$(count "$state" "$name")" -le "$(count "$taken" "$name")" ]; then
      if [ "$number" = - ]; then missing="$missing$text"$'\n'; else added="$added$text"$'\n'; fi
    elif [ "$number" != - ] && [ "$name" = "$key" ] && [ "$secrets" != same ]; then
      if [ "$secrets" = new ]; then
        added="$added$text"$'\n'
      else
        unclear="$unclear$text"$'\n'
        taken="$taken$name"$'\n'
      fi
    else
      taken="$taken$name"$'\n'
      there="$there$number "
      say "In the tenant already: $text"
    fi
  done <<<"$keys"
  if [ -n "$missing" ]; then
    say "These keys of $keyset are not in the tenant, and cannot be added:"
    say "${missing%$'\n'}"
    stop "nothing was sent: mend this, and write the requests again"
  fi
  if [ -n "$unclear" ]; then
    say "The tenant has keys with the same use and dates as these secrets. Graph does not show" \
      "secrets, so they may be the same or others:"
    say "${unclear%$'\n'}"
    if [ -n "$added" ]; then
      say "If they are the same, these are added:"
      say "${added%$'\n'}"
    fi
    stop "nothing was sent: if they are the same, run this again with --same; if they are new," \
      "with --new"
  fi
  for number in $there; do
    [ "$number" = - ] || finish "$number"
  done
  if [ -z "$added" ]; then
    say "$keyset in the tenant lacks no key."
  else
    say "To be added to $keyset:"
    say "${added%$'\n'}"
  fi
}

# Compare all that the tenant shows of the key set with what it must have, and the active key with
# the one that the dates say: lines of KEY TEXT.
check() {
  local keys now expected found wrong is_read pause=5
  keys=$(cat)
  now=$(date +%s)
  while :; do
    found=
    is_read=yes
    if ! look; then
      is_read=no
      show_errors
    elif call get "$path/getActiveKey" --query "$(query_key)" --output tsv; then
      found=$(plain "$answer")
    else
      show_errors
    fi
    wrong=$(differences "$keys")
    expected=$(expected_key "$now" "$keys")
    if [ "$is_read" = yes ] && [ -z "$wrong$expected" ]; then
      stop "MISMATCH: by their dates, no key of $keyset is active now, and sign-in fails: add one"
    fi
    if [ "$is_read" = yes ] && [ -z "$wrong" ] && [ "$found" = "$expected" ]; then
      say "OK: $keyset has the expected keys, and the expected one is active."
      return
    fi
    [ "$pause" -le 20 ] || break
    sleep "$pause"
    pause=$((pause * 2))
  done
  if [ "$is_read" = no ]; then
    stop "could not read $keyset to check it: run this again"
  fi
  if [ -n "$wrong" ]; then
    say_plainly "$wrong"
    stop "MISMATCH: $keyset in the tenant differs from what was brought: compare the two"
  fi
  say_plainly "expected: $expected"
  say_plainly "found:    $found"
  stop "MISMATCH: the active key of $keyset is another one: check whether the keys in the tenant" \
    "are enabled, and compare the two"
}

# Print how the key set in the tenant differs from what it must have: lines of KEY TEXT.
differences() {
  local keys key text status kid
  keys=$(say "$1" | cut -d ' ' -f 1)
  while read -r key text; do
    if [ "$(count "$(keys_shown)" "$key")" -lt "$(count "$keys" "$key")" ]; then
      say "missing, or with other dates: $text"
    fi
  done <<<"$1"
  while read -r key status kid; do
    [ -n "$key" ] || continue
    if [ "$appending" = no ] && [ "$(count "$(keys_shown)" "$key")" -gt "$(count "$keys" "$key")" ]
    then
      say "not expected: $kid"
    elif is_disabled "$status" && [ "$(count "$keys" "$key")" != 0 ]; then
      say "disabled: $kid"
    fi
  done <<<"$shown"
}

is_disabled() { case $1 in [Dd]isabled) ;; *) return 1 ;; esac; }

# Print the key that must be active, of the other keys in the tenant and of those that it must have:
# NOW and lines of KEY TEXT. Of keys with the same start, the later one is active.
expected_key() {
  local line status nbf exp latest=-1 best=''
  while read -r line status _; do
    IFS=, read -r _ nbf exp _ <<<"$line"
    if [ -z "$line" ] || is_disabled "$status"; then continue; fi
    if [ "$nbf" = null ]; then nbf=-1; fi
    if [ "$nbf" -le "$1" ] && { [ "$exp" = null ] || [ "$1" -lt "$exp" ]; } \
      && [ "$nbf" -ge "$latest" ]; then
      latest=$nbf
      best=$line
    fi
  done <<<"$shown"$'\n'"$2"
  say "$best"
}

usage() {
  printf 'Usage: bash provision.sh [--replace] [--same | --new] [TENANT-ID]\n' >&2
  exit 2
}

wanted=
replacing=no
secrets=
for argument in "$@"; do
  case $argument in
    --replace) replacing=yes ;;
    --same | --new)
      [ -z "$secrets" ] || usage
      secrets=${argument#--}
      ;;
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
if [ -n "$secrets" ] && [ "$appends" = no ]; then
  stop "these requests add to no existing key set: leave --$secrets out"
fi
case $wanted in
  *.*) stop "TENANT-ID must be the id of the tenant, not its domain: the Azure portal shows it" ;;
esac
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
trap 'rm -f -- "$errors" ${claim:+"$claim"}' EXIT

command -v az >/dev/null || stop "az is not installed: see https://aka.ms/azure-cli"
# Runs that were killed leave their errors.
for left in az-errors.*.txt; do
  is_running "$(say "$left" | tr -cd '[:digit:]')" || rm -f -- "$left"
done
tenant=$(current_tenant)
say "Tenant: $tenant at $resource"
if [ -n "$wanted" ] \
  && [ "$(say "$wanted" | tr '[:upper:]' '[:lower:]')" \
    != "$(say "$tenant" | tr '[:upper:]' '[:lower:]')" ]; then
  stop "this is another tenant than $wanted: nothing was sent"
fi

# Example steps, replaced by trustkeys:
key_set B2C_1A_Example sig
step 1 /trustFramework/keySets MODULUS
replace 2 /trustFramework/keySets/B2C_1A_Example MODULUS
append <<'KEYS'
3 ["sig",null,null,"MODULUS"] key KID
- ["sig",null,null,"MODULUS"] key KID: it has no certificate
KEYS
step 3 /trustFramework/keySets/B2C_1A_Example/uploadPkcs12 MODULUS
check <<'KEYS'
["sig",null,null,"MODULUS"] key KID
KEYS
# End of the example.
