#!/bin/sh
# Attaches conntrace to a function that is there already; its other layers and variables stay.
#   make layer && examples/deploy/aws-cli/attach.sh FUNCTION [OTLP_ENDPOINT]
# Without an endpoint the findings are written to the function's log.
set -eu

function_name=${1:?"(usage: attach.sh FUNCTION [OTLP_ENDPOINT])"}
endpoint=${2:-}
here=$(dirname "$0")
zip=$here/../../../dist/conntrace-layer.zip

if [ ! -f "$zip" ]; then
  echo "there is no dist/conntrace-layer.zip yet: run make layer" >&2
  exit 1
fi

present=$(aws lambda get-function-configuration --function-name "$function_name" --output json)

layer=$(aws lambda publish-layer-version \
  --layer-name conntrace \
  --license-info Apache-2.0 \
  --compatible-runtimes python3.10 python3.11 python3.12 python3.13 python3.14 \
  --compatible-architectures x86_64 arm64 \
  --zip-file "fileb://$zip" \
  --query LayerVersionArn --output text)

# update-function-configuration replaces all layers and all variables, so the present ones are sent
# again: in a file that only its owner may read, because variables hold secrets.
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
printf '%s' "$present" | python3 "$here/configuration.py" attach "$layer" "$endpoint" >"$wanted"
aws lambda update-function-configuration --cli-input-json "file://$wanted" \
  --query '{Function: FunctionName, Layers: Layers[].Arn}' --output json
