"""Turns a function's configuration into what update-function-configuration is to be given.

    configuration.py attach LAYER_ARN ENDPOINT    configuration.py detach

Reads JSON from standard input and writes JSON to standard output.
"""

import json
import sys

WRAPPER = "/opt/conntrace"
WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
NEXT_WRAPPER_VARIABLE = "CONNTRACE_EXEC_WRAPPER_NEXT"
ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"


def is_ours(layer):
    return ":layer:conntrace:" in layer


def attached(layers, variables, layer, endpoint):
    """Our layer last, our wrapper first: a wrapper that was there before is run after it."""
    changed = dict(variables)
    before = variables.get(WRAPPER_VARIABLE, "")
    if before not in ("", WRAPPER):
        changed[NEXT_WRAPPER_VARIABLE] = before
    changed[WRAPPER_VARIABLE] = WRAPPER
    if endpoint:
        changed[ENDPOINT_VARIABLE] = endpoint
    return [arn for arn in layers if not is_ours(arn)] + [layer], changed


def detached(layers, variables):
    """The endpoint stays: other tools read the same variable."""
    changed = {name: text for name, text in variables.items() if not name.startswith("CONNTRACE_")}
    if changed.get(WRAPPER_VARIABLE) == WRAPPER:
        del changed[WRAPPER_VARIABLE]
    if NEXT_WRAPPER_VARIABLE in variables:
        changed[WRAPPER_VARIABLE] = variables[NEXT_WRAPPER_VARIABLE]
    return [arn for arn in layers if not is_ours(arn)], changed


def main():
    present = json.load(sys.stdin)
    layers = [layer["Arn"] for layer in present.get("Layers", [])]
    environment = present.get("Environment", {})
    if "Error" in environment:
        # Sending back what cannot be read would wipe it.
        sys.exit(f"the function's variables cannot be read: {environment['Error']['Message']}")
    variables = environment.get("Variables", {})
    change = {"attach": attached, "detach": detached}[sys.argv[1]]
    layers, variables = change(layers, variables, *sys.argv[2:])
    wanted = {"Layers": layers, "Environment": {"Variables": variables}}
    # With its revision AWS refuses the update if somebody else changed the function in between.
    wanted |= {key: present[key] for key in ("FunctionName", "RevisionId") if key in present}
    json.dump(wanted, sys.stdout)


if __name__ == "__main__":
    main()
