#!/bin/sh
# Takes conntrace off a function again: its layer, its wrapper and its own variables.
#   examples/deploy/aws-cli/detach.sh FUNCTION
set -eu

function_name=${1:?"(usage: detach.sh FUNCTION)"}
here=$(dirname "$0")

present=$(aws lambda get-function-configuration --function-name "$function_name" --output json)

wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
printf '%s' "$present" | python3 "$here/configuration.py" detach >"$wanted"
aws lambda update-function-configuration --cli-input-json "file://$wanted" \
  --query '{Function: FunctionName, Layers: Layers[].Arn}' --output json
