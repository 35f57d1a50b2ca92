#!/usr/bin/env bash
# A client of Persona's Accounts, written from Persona's public documentation alone: it runs against Watchkeeper with
# another base URL. It makes accounts in four ways, tags and relates them, runs an inquiry that matches and one that
# does not, consolidates, watches with a report that recurs, dismisses its match, and redacts.
#
#   KEY=$(watchkeeper key create --permission '*' --json | jq -r .value)
#   BASE=http://127.0.0.1:8470/api/v1 KEY=$KEY examples/persona.sh
#
# It wants a daemon that runs, whose configuration has, beside what `watchkeeper init` writes,
#
#   [account-types.individual.relations]
#   household = { target = "account" }
#
# and `recurrence = "1d"` in the report template `watchlist`, whose list holds the name in LISTED_FIRST, LISTED_LAST.
# Needs bash, curl and jq. Each step says what it did; the first that is not as documented ends it.
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:8470/api/v1}
KEY=${KEY:?a key of the API}
LISTED_FIRST=${LISTED_FIRST:-Arkadiy} LISTED_LAST=${LISTED_LAST:-Velkorov}    # of our own sample list
RUN=${RUN:-$(date +%s)}

step() { printf '\n== %s\n' "$*"; }
fail() { printf 'not as documented: %s\n%s\n' "$1" "${2:-}" >&2; exit 1; }

# call STATUS METHOD PATH [BODY]: prints the answer; ends the script when the status is another.
call() {
    local wanted=$1 method=$2 path=$3 body=${4:-} answer status
    local arguments=(-sS -g -X "$method" -H "Authorization: Bearer $KEY" -H "Persona-Version: ${VERSION:-2025-12-08}")
    [ -z "$body" ] || arguments+=(-H "Content-Type: application/json" --data-binary "$body")
    [ -z "${REPLAY:-}" ] || arguments+=(-H "Idempotency-Key: $REPLAY")
    answer=$(curl "${arguments[@]}" -w '\n%{http_code}' "$BASE$path")
    status=${answer##*$'\n'} answer=${answer%$'\n'*}
    [ "$status" = "$wanted" ] || fail "$method $path answered $status, documented is $wanted" "$answer"
    printf '%s' "$answer"
}

# is ANSWER FILTER VALUE: what a jq filter finds must be the value.
is() {
    local found
    found=$(jq -r "$2" <<<"$1")
    [ "$found" = "$3" ] || fail "$2 is $found, documented is $3" "$1"
}

# wait_for PATH FILTER: asks until a jq filter holds.
wait_for() {
    local answer
    for _ in $(seq 150); do
        answer=$(call 200 GET "$1")
        if jq -e "$2" >/dev/null <<<"$answer"; then printf '%s' "$answer"; return; fi
        sleep 0.2
    done
    fail "$1 never came to $2" "$answer"
}

step "An account is created through the API, once however often the request is sent"
BODY='{"data":{"attributes":{"reference-id":"alice-'$RUN'","fields":{"name":{"first":"Alice","last":"Example"},"birthdate":"1990-04-01"},"tags":["beta"]}}}'
ACCOUNT=$(REPLAY="alice-$RUN" call 201 POST /accounts "$BODY")
AGAIN=$(REPLAY="alice-$RUN" call 201 POST /accounts "$BODY")
ALICE=$(jq -r .data.id <<<"$ACCOUNT")
is "$AGAIN" .data.id "$ALICE"
is "$ACCOUNT" '.data.attributes.fields.name.value.first.value' Alice
is "$ACCOUNT" '.data.attributes.tags[0]' beta
call 409 POST /accounts "$BODY" >/dev/null
echo "made $ALICE; a second one of its reference id is refused"

step "An account is created because an inquiry needs one"
TEMPLATE=$(call 200 GET "/inquiry-templates?page[size]=100" | jq -r '[.data[] | select(.attributes.name == "individual")][0].id')
INQUIRY=$(call 201 POST /inquiries '{"data":{"attributes":{"inquiry-template-id":"'$TEMPLATE'"}},"meta":{"auto-create-account":true,"auto-create-account-reference-id":"bob-'$RUN'"}}')
INQ=$(jq -r .data.id <<<"$INQUIRY")
BOB=$(jq -r .data.relationships.account.data.id <<<"$INQUIRY")
is "$INQUIRY" .data.attributes.status created
is "$(call 200 GET "/accounts/$BOB")" '.data.attributes["reference-id"]' "bob-$RUN"
echo "inquiry $INQ made $BOB"

step "An account is created because a report needs one"
REPORT=$(call 201 POST /reports '{"data":{"type":"report/watchlist","attributes":{"query":{"name-first":"Carla","name-last":"Nobody"}}},"meta":{"auto-create-account-reference-id":"carla-'$RUN'"}}')
CARLA=$(jq -r .data.relationships.account.data.id <<<"$REPORT")
is "$(call 200 GET "/accounts/$CARLA")" '.data.attributes["reference-id"]' "carla-$RUN"
echo "a report made $CARLA"

step "Accounts are created by an import"
CSV=$(printf 'reference_id,name_first,name_last,birthdate,tags\ndora-%s,Dora,Imported,1985-12-24,vip\nbad-%s,Bad,Row,not-a-date,\n' "$RUN" "$RUN" | base64 -w0)
IMPORTER=$(call 201 POST /importer/accounts '{"data":{"attributes":{"file":{"data":"'"$CSV"'","filename":"accounts.csv"}}}}')
IMP=$(jq -r .data.id <<<"$IMPORTER")
DONE=$(wait_for "/importers/$IMP" '.data.attributes.status != "pending"')
is "$DONE" .data.attributes.status ready
is "$DONE" '.data.attributes["successful-count"]' 1
is "$DONE" '.data.attributes["error-count"]' 1
DORA=$(call 200 GET "/accounts?filter[reference-id]=dora-$RUN" | jq -r '.data[0].id')
echo "import $IMP made $DORA, and names the row that it did not take"

step "Tags are added, removed and set"
is "$(call 200 POST "/accounts/$ALICE/add-tag" '{"meta":{"tag-name":"gold"}}')" '.data.attributes.tags | sort | join(" ")' 'beta gold'
is "$(call 200 POST "/accounts/$ALICE/remove-tag" '{"meta":{"tag-name":"beta"}}')" '.data.attributes.tags | join(" ")' gold
is "$(call 200 POST "/accounts/$ALICE/set-tags" '{"meta":{"tag-name":["one","two"]}}')" '.data.attributes.tags | sort | join(" ")' 'one two'

step "Accounts are related"
call 200 POST "/accounts/$ALICE/add-relation" '{"meta":{"relation-schema-key":"household","target-object-id":"'$DORA'"}}' >/dev/null
call 200 POST "/accounts/$ALICE/add-relation" '{"meta":{"relation-schema-key":"household","target-object-id":"'$DORA'"}}' >/dev/null
is "$(call 200 GET "/accounts/$ALICE/relations?filter[key]=household")" '[.data[].id] | join(" ")' "$DORA"
call 200 POST "/accounts/$ALICE/remove-relation" '{"meta":{"relation-schema-key":"household","target-object-id":"'$DORA'"}}' >/dev/null
is "$(call 200 GET "/accounts/$ALICE/relations?filter[key]=household")" '.data | length' 0

step "The first completed inquiry fills an empty account"
PERSON='{"data":{"attributes":{"fields":{"name-first":"Robert","name-last":"Tables","birthdate":"1980-02-29"}}}}'
call 200 PATCH "/inquiries/$INQ" "$PERSON" >/dev/null
is "$(call 200 POST "/inquiries/$INQ/complete")" .data.attributes.status completed
is "$(call 200 GET "/accounts/$BOB")" .data.attributes.fields.name.value.last.value Tables

step "An inquiry that matches the account is completed, one that does not fails"
SECOND=$(call 201 POST /inquiries '{"data":{"attributes":{"inquiry-template-id":"'$TEMPLATE'","account-id":"'$BOB'","fields":{"name-first":"Bob","name-last":"Tables","birthdate":"1980-02-29"}}}}' | jq -r .data.id)
is "$(call 200 POST "/inquiries/$SECOND/complete")" .data.attributes.status completed
THIRD=$(call 201 POST /inquiries '{"data":{"attributes":{"inquiry-template-id":"'$TEMPLATE'","account-id":"'$BOB'","fields":{"name-first":"Mallory","name-last":"Other","birthdate":"1955-07-07"}}}}' | jq -r .data.id)
FAILED=$(call 200 POST "/inquiries/$THIRD/complete")
is "$FAILED" .data.attributes.status failed
is "$FAILED" '[.data.attributes.checks[] | select(.status == "failed")] | length > 0' true
is "$(call 200 GET "/accounts/$BOB")" .data.attributes.fields.name.value.last.value Tables

step "A report recurs; its match is dismissed with a reason"
QUERY='{"data":{"type":"report/watchlist","attributes":{"account-id":"'$ALICE'","query":{"name-first":"'$LISTED_FIRST'","name-last":"'$LISTED_LAST'"}}}}'
REP=$(call 201 POST /reports "$QUERY" | jq -r .data.id)
READY=$(wait_for "/reports/$REP" '.data.attributes.status == "ready"')
is "$READY" '.data.attributes["has-match"]' true
is "$READY" '.data.attributes["is-recurring"]' true
call 200 POST "/reports/$REP/dismiss" '{"data":{"attributes":{"reason":"another person of that name"}}}' >/dev/null
HISTORY=$(call 200 GET "/reports/$REP/history")
is "$HISTORY" '[.data[].type] | index("dismiss") != null' true
call 400 POST "/reports/$REP/dismiss" '{"data":{"attributes":{}}}' >/dev/null

step "Two accounts of one person are consolidated"
call 202 POST "/accounts/$ALICE/consolidate" '{"meta":{"source-account-ids":["'$CARLA'"]}}' >/dev/null
wait_for "/events?filter[name]=account.consolidated&filter[object-id]=$CARLA" '.data | length == 1' >/dev/null
call 409 POST /inquiries '{"data":{"attributes":{"inquiry-template-id":"'$TEMPLATE'","account-id":"'$CARLA'"}}}' >/dev/null

step "An account is redacted, stays usable, and cannot be redacted again before it holds data"
REDACTED=$(call 200 DELETE "/accounts/$BOB")
is "$REDACTED" '.data.attributes["redacted-at"] | type' string
call 409 DELETE "/accounts/$BOB" >/dev/null
is "$(call 200 GET "/accounts/$BOB")" '[.. | strings | select(test("Tables"))] | length' 0
is "$(call 200 GET "/inquiries/$INQ")" '[.. | strings | select(test("Tables"))] | length' 0
call 200 PATCH "/accounts/$BOB" '{"data":{"attributes":{"fields":{"birthdate":"1980-02-28"}}}}' >/dev/null

step "Everything that happened is an event"
is "$(call 200 GET "/events?filter[object-id]=$BOB&page[size]=100")" '[.data[].attributes.name] | index("account.redacted") != null' true
printf '\nall as documented\n'
