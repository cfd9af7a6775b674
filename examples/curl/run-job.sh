#!/bin/sh
# Makes a job of two Shell nodes, runs it, waits for its end and deletes it. Only curl is needed.
# Reads AZALAI_URL, AZALAI_PROJECT_ID, AZALAI_USER and AZALAI_PASSWORD.
set -eu

jobs="$AZALAI_URL/v1/$AZALAI_PROJECT_ID/jobs"
name="hello-from-curl"

# A token for the project; it comes as a header.
token=$(curl -sS --fail-with-body -o /dev/null -D - "$AZALAI_URL/v3/auth/tokens" \
  -H 'Content-Type: application/json' --data @- <<LOGIN | sed -n 's/^[Xx]-[Ss]ubject-[Tt]oken: *\([^[:space:]]*\).*/\1/p'
{"auth": {
  "identity": {"methods": ["password"], "password": {"user": {
    "name": "$AZALAI_USER", "domain": {"id": "default"}, "password": "$AZALAI_PASSWORD"}}},
  "scope": {"project": {"id": "$AZALAI_PROJECT_ID"}}}}
LOGIN
)

# call METHOD URL [BODY]: the answer; stops the script when the server refuses.
call() {
  curl -sS --fail-with-body -X "$1" "$2" -H "X-Auth-Token: $token" -H 'Content-Type: application/json' \
    ${3+--data "$3"}
}

call POST "$jobs" '{
  "name": "'"$name"'",
  "processType": "BATCH",
  "schedule": {"type": "EXECUTE_ONCE"},
  "nodes": [
    {"name": "hello", "type": "Shell", "location": {"x": 0, "y": 0},
     "properties": [{"name": "statementOrScript", "value": "STATEMENT"},
                    {"name": "statement", "value": "echo hello"}]},
    {"name": "bye", "type": "Shell", "location": {"x": 200, "y": 0}, "preNodeName": ["hello"],
     "properties": [{"name": "statementOrScript", "value": "STATEMENT"},
                    {"name": "statement", "value": "echo bye"}]}
  ]
}'
trap 'call DELETE "$jobs/$name"' EXIT

instance=$(call POST "$jobs/$name/run-immediate" '{}' | sed -n 's/.*"instanceId": *\([0-9]*\).*/\1/p')
echo "instance $instance of $name has begun"

# The first status in the answer is the instance's own; those of the nodes follow.
while :; do
  status=$(call GET "$jobs/$name/instances/$instance" | sed 's/"nodes".*//; s/.*"status": *"\([a-z-]*\)".*/\1/')
  case $status in
    waiting | running) sleep 1 ;;
    *) break ;;
  esac
done
echo "instance $instance ended: $status"
[ "$status" = success ]
