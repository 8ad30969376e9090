"""Every message conntrace has for its user: what it means and what to do.

A message ends with its slug in square brackets. `docs/messages.md` is generated from this table,
and a test holds the slugs of the code against it. Nothing else of conntrace is imported here.
"""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """One row. `exit_code` is what the command ends with; -1: the command goes on."""

    slug: str
    meaning: str
    remedy: str
    exit_code: int = -1


_TABLE: tuple[Message, ...] = (
    # --- the command line ----------------------------------------------------------------------
    Message(
        "no-command",
        "`conntrace run` was called without a command to run.",
        "Put the command after the options: `conntrace run -o spans.jsonl -- python app.py`.",
        2,
    ),
    Message(
        "unknown-option",
        "`conntrace run` does not have this option. Options of your command come after the command"
        " or after `--`.",
        "`conntrace run --help` lists the options. If the option is your command's own, put `--` in"
        " front of the command.",
        2,
    ),
    Message(
        "file-name-missing",
        "The option needs the name of a file, and got none, an empty one, `-` or `/dev/stdout`."
        " Standard output belongs to the command, so spans and events cannot go there.",
        "Name a file: `-o spans.jsonl`, `--events events.txt`.",
        2,
    ),
    Message(
        "wrong-usage",
        "A command got an option, an argument or a value that it does not take; the line says"
        " which.",
        "Call the command with `--help`.",
        2,
    ),
    Message(
        "output-failed",
        "What the command shows cannot be written to standard output; the line has the system's"
        " reason, such as a full disk.",
        "Make room, or send the output elsewhere.",
        1,
    ),
    Message(
        "unknown-cause",
        "There is no cause with this id.",
        "`conntrace causes` lists the ids; [causes.md](causes.md) explains them.",
        2,
    ),
    Message(
        "baseline-unreadable",
        "The file given to `--baseline` cannot be read, or is not a baseline.",
        "Write one with `conntrace report FILE --write-baseline baseline.json`.",
        1,
    ),
    Message(
        "not-in-baseline",
        "Something in the report is avoidable, and the baseline does not allow it. Named are the"
        " finding's id, its cause, destination and place, and the time that a change would save.",
        "Change what the report advises; or add the finding to the baseline, by hand (`destination`"
        " and `place` may hold wild cards) or with `--write-baseline`.",
        3,
    ),
    Message(
        "probe-bad-url",
        "What was given to `conntrace probe` is not a URL it can send requests to.",
        "Give a whole URL with `http://` or `https://` and a host.",
        2,
    ),
    Message(
        "probe-needs-urllib3",
        "`conntrace probe` sends its requests with urllib3, which this Python does not have.",
        "`pip install urllib3`.",
        1,
    ),
    Message(
        "probe-cannot-watch",
        "`conntrace probe` learns from conntrace itself what became of a connection, and conntrace"
        " is switched off (`CONNTRACE_ENABLED=false`, `OTEL_SDK_DISABLED=true`) or already at work"
        " in this process (`conntrace run -- conntrace probe`).",
        "Call it with those variables unset, and not below `conntrace run`.",
        1,
    ),
    Message(
        "probe-name-not-found",
        "The host of the URL cannot be looked up.",
        "Check the spelling, and that the name can be resolved from this machine.",
        1,
    ),
    Message(
        "probe-refused",
        "The machine answered that nothing listens on this port.",
        "Check host and port, and that the server runs.",
        1,
    ),
    Message(
        "probe-no-answer",
        "The connection could not be made, or no answer came, within `--timeout`.",
        "Check that the server is reachable from here; give it longer with `--timeout`.",
        1,
    ),
    Message(
        "probe-tls",
        "The TLS handshake with the server failed; the line says why.",
        "Check that the port speaks TLS, and for a certificate of your own authority set"
        " `SSL_CERT_FILE`.",
        1,
    ),
    Message(
        "probe-redirects",
        "The first request was redirected again and again.",
        "Give the URL that answers without a redirect.",
        1,
    ),
    Message(
        "probe-failed",
        "The first request of `conntrace probe` failed; the line says how.",
        "Try the URL with another client. A server that breaks off its answers cannot be probed.",
        1,
    ),
    Message(
        "command-not-found",
        "The command that was to be run is not on PATH, or there is no such file. The exit code is"
        " a shell's for this.",
        "Check the spelling and PATH. A script in this folder is `./script`, or `python script`.",
        127,
    ),
    Message(
        "command-not-executable",
        "The file is there and cannot be executed: no permission, a folder, not a program, or its"
        " first line names an interpreter that is missing.",
        "`chmod +x` it, correct its first line, or start it with its interpreter.",
        126,
    ),
    # --- where spans and events go -------------------------------------------------------------
    Message(
        "file-not-writable",
        "The file for the spans (`-o`) cannot be made or written; the line has the system's reason."
        " The command runs all the same, and the other outputs get their spans.",
        "Name a file in a folder that exists and that you may write to.",
    ),
    Message(
        "file-failed",
        "Spans were dropped because the file of `-o`, or the temporary file of the report, could"
        " not be written any further: the disk is full, a pipe is read too slowly, or the file has"
        " reached `CONNTRACE_FILE_MAX_BYTES` (128 MiB for the report). What is in it stays good.",
        "Make room, name another file, or raise `CONNTRACE_FILE_MAX_BYTES`.",
    ),
    Message(
        "events-not-writable",
        "The file for the events (`--events`) cannot be made, or could not be written any further:"
        " the disk is full, or it has reached `CONNTRACE_FILE_MAX_BYTES`. Spans are not affected.",
        "Name another file, make room, or raise `CONNTRACE_FILE_MAX_BYTES`.",
    ),
    Message(
        "no-temporary-file",
        "Without `-o` and without an endpoint, or with `--report`, the spans for the report are"
        " kept in a temporary file, and none can be made.",
        "Set TMPDIR to a folder that you may write to, or give `-o FILE` and read it with"
        " `conntrace report FILE`.",
    ),
    Message(
        "report-failed",
        "The command has ended and its spans are recorded; only the report at the end cannot be"
        " shown.",
        "With `-o FILE`, read it with `conntrace report FILE`.",
    ),
    Message(
        "otlp-endpoint",
        "The endpoint is not a URL that the protocol can use. HTTP needs one that begins with"
        " `http://` or `https://`, with blanks and letters beyond ASCII encoded; only gRPC takes a"
        " bare `host:port`.",
        "Set `OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318`, or"
        " `OTEL_EXPORTER_OTLP_PROTOCOL=grpc` if the port speaks gRPC.",
    ),
    Message(
        "otlp-certificate",
        "A file named by `OTEL_EXPORTER_OTLP_CERTIFICATE`, `_CLIENT_CERTIFICATE` or `_CLIENT_KEY`"
        " cannot be read or is not PEM; nothing is sent to the endpoint.",
        "Check the paths. A client certificate needs its key beside it.",
    ),
    Message(
        "otlp-proxy",
        "The proxy that the endpoint is to be reached through, from `HTTP_PROXY` or `HTTPS_PROXY`,"
        " is not an `http://` or `https://` URL; nothing is sent to the endpoint.",
        "Write it as `http://proxy.example:3128`, with `/`, `@`, `#` and `?` in a password as"
        " `%2F`, `%40`, `%23` and `%3F`; or name the endpoint's host in `NO_PROXY`.",
    ),
    Message(
        "otlp-failed",
        "Spans were dropped because the endpoint was not reached in time, refused them, or took"
        " fewer than there were; the line says which endpoint and why.",
        "`conntrace doctor` tries the endpoint. Check its address and"
        " `OTEL_EXPORTER_OTLP_PROTOCOL` (4318 is HTTP, 4317 gRPC). With `-o FILE` the spans are in"
        " a file as well.",
    ),
    Message(
        "otel-missing",
        "Spans are to go to the program's own OpenTelemetry, or by protobuf or gRPC, and the"
        " packages for that are not installed: conntrace alone does not need them.",
        "`pip install 'conntrace[otel]'`, or use `OTEL_EXPORTER_OTLP_PROTOCOL=http/json`, which is"
        " built in.",
        1,
    ),
    # --- the Lambda layer's start ---------------------------------------------------------------
    Message(
        "layer-untraced",
        "The wrapper `/opt/conntrace` started a program as it stands, without the agent: it is no"
        " Python from 3.10 on, or it has options behind which the wrapper cannot tell where the"
        " program begins (`-i`, or several in one word such as `-Ic`).",
        "Set `AWS_LAMBDA_EXEC_WRAPPER` for functions on Python 3.10 or newer only; write options of"
        " Python in words of their own (`-I -c`).",
    ),
    Message(
        "layer-next-wrapper",
        "`CONNTRACE_EXEC_WRAPPER_NEXT` names a file that is not there or cannot be executed. The"
        " function was started without it.",
        "Correct the path, or remove the variable.",
    ),
    Message(
        "layer-start-failed",
        "The layer's agent met a fault of its own while it started. The function runs untraced.",
        "Please report it with the line as it is.",
    ),
    Message(
        "layer-name",
        "The function has a module or a folder of its own that is called `conntrace`. The layer's"
        " agent has the same name, so the function was started without it.",
        "Give the function's module another name, or the folder, if it holds no code.",
    ),
    Message(
        "layer-extension-idle",
        "The layer's extension found no Python from 3.10 on, or its files are damaged. It stays"
        " registered, so that the function runs, and sends nothing.",
        "Attach the layer to functions on Python 3.10 or newer; in a container image, have"
        " `python3` on `PATH`.",
    ),
    # --- the Lambda layer's extension ----------------------------------------------------------
    Message(
        "otlp-trouble",
        "The Lambda layer's extension could not deliver spans, and says so once for each outage. It"
        " keeps them, as far as there is room, and tries again; what a back end refuses for good"
        " (400, 401 ...) is dropped and counted in `conntrace.dropped_spans`.",
        "Check the endpoint and its headers, and that the function reaches it: a function in a VPC"
        " needs a route, and security groups that let it through.",
    ),
    Message(
        "layer-not-started",
        "The layer is attached, and the first invocation came, but no process of the function has"
        " started conntrace. The extension alone sees no connections.",
        "Set `AWS_LAMBDA_EXEC_WRAPPER=/opt/conntrace`. If another wrapper has that place, name it"
        " in `CONNTRACE_EXEC_WRAPPER_NEXT`, or set `CONNTRACE_ENABLED=true`. In a container image"
        " with an entry point of its own, write `/opt/conntrace` in front of it.",
    ),
    Message(
        "layer-no-grpc",
        "The protocol or the port 4317 asks for gRPC, which is not in the Lambda layer. Spans"
        " are sent by HTTP to the place that the line names: the same endpoint, with port 4318 in"
        " place of 4317, as collectors have it.",
        "Set `OTEL_EXPORTER_OTLP_PROTOCOL=http/json` and the endpoint's HTTP port, usually 4318.",
    ),
    Message(
        "layer-no-protobuf",
        "`http/protobuf` is asked for, and this Lambda layer is the flavour without OpenTelemetry's"
        " encoder. Spans are sent as JSON, which most back ends take as well.",
        "Attach the layer that `make layer FLAVOUR=protobuf` builds, or set"
        " `OTEL_EXPORTER_OTLP_PROTOCOL=http/json`.",
    ),
    Message(
        "events-left-out",
        "The Lambda layer's extension had no room or no time for all that the function reported."
        " Requests on reused connections that went well are left out first; with an endpoint the"
        " number is also in `conntrace.dropped_spans`.",
        "Nothing is wrong with the function. Very many requests in one invocation do this, and so"
        " does an environment that ends while much is still to be worked off.",
    ),
    Message(
        "extension-failed",
        "The Lambda layer's extension met a fault of its own, and lets the platform go on without"
        " it. The function is not affected; nothing is recorded until the environment is new.",
        "Please report it, with the line.",
    ),
    # --- what a run recorded -------------------------------------------------------------------
    Message(
        "wrong-setting",
        "An environment variable has a value that it does not take; the line names it and says"
        " which values it takes. The default is used.",
        "Correct or unset the variable; [settings.md](settings.md) explains it.",
    ),
    Message(
        "unknown-setting",
        "An environment variable begins with CONNTRACE_ and is none of conntrace's settings.",
        "Correct its name ([settings.md](settings.md) lists them) or unset it.",
    ),
    Message(
        "switched-off",
        "CONNTRACE_ENABLED=false or OTEL_SDK_DISABLED=true is set: the command runs untouched.",
        "Unset the variable to record again.",
    ),
    Message(
        "nothing-recorded",
        "No Python process reported to conntrace during the run. This does not mean that no"
        " connection was made: nobody looked. The line says the likely reason.",
        "Leave out `-I`, `-E` and `-S`; use Python 3.10 or newer; install conntrace in the"
        " environment of the program.",
    ),
    Message(
        "no-channel",
        "This machine has no unix socket for the events: the command runs, unrecorded.",
        "`conntrace doctor` shows what there is. Sandboxes that forbid AF_UNIX sockets must allow"
        " them.",
    ),
    Message(
        "already-traced",
        "`instrument()` was called in a process that is traced already: by an earlier call, by"
        " `conntrace run`, or by `opentelemetry-instrument`. The first one stays, this call did"
        " nothing and returned False.",
        "Use one way in. If you mean to change exporters, call `uninstrument()` first.",
    ),
    Message(
        "exporter-failed",
        "In a program that called `instrument()`, the exporter or the OpenTelemetry set-up that the"
        " spans go to raised an exception. The program goes on; the spans are lost and counted.",
        "The program's own spans go the same way: look at its processors, samplers and exporters.",
    ),
    Message(
        "exporter-switched-off",
        "In a program that called `instrument()`, the exporter or the OpenTelemetry set-up that the"
        " spans go to failed ten times, or made the program wait for more than five seconds."
        " conntrace gives it no more spans.",
        "Use a `BatchSpanProcessor`, which delivers in a thread of its own, in place of a"
        " `SimpleSpanProcessor`; then start the program again.",
    ),
    Message(
        "bad-events",
        "Something arrived on conntrace's channel that is no event: most likely a child process"
        " with another version of conntrace. It was left out.",
        "Install the same version of conntrace in all environments that take part in the run.",
    ),
    Message(
        "agent-failure",
        "A part of conntrace failed. The traced program is not affected; the spans may lack what"
        " that part had to say.",
        "Please report it, with the line and, if you can, the file of `conntrace run --events`"
        " (names in it are replaced).",
    ),
    Message(
        "hook-switched-off",
        "A hook failed again and again, so it only calls the function it wraps from then on. What"
        " it had to say is missing from the spans.",
        "`conntrace doctor` makes a trial run with the libraries that are installed, and names the"
        " hooks that this happens to. Please report it, with what it shows.",
    ),
    Message(
        "internal-error",
        "The side of conntrace that records a run failed as a whole. The command runs on; spans"
        " written before are there.",
        "Please report it, with the line.",
    ),
    # --- reports -------------------------------------------------------------------------------
    Message(
        "fail-on",
        "The report is written, and a condition given with `--fail-on` is met; the line says which,"
        " and the number measured.",
        "This is what the option is for: change what the report advises, or the condition.",
        3,
    ),
    Message(
        "jaeger-unreadable",
        "`conntrace report --jaeger` cannot reach Jaeger's query API, or what answers is not that;"
        " the line says why.",
        "Give the address of Jaeger's own page, such as http://localhost:16686 (not the port that"
        " takes spans), of a Jaeger that has `/api/v3/traces`.",
        1,
    ),
    Message(
        "report-unreadable",
        "A file of spans cannot be opened or read; the line has the system's reason. A file that"
        " can be read and is damaged is shown as far as it goes instead.",
        "Check the path and your permission to read it.",
        1,
    ),
    Message(
        "report-no-spans",
        "The input could be read, but there is no span in it; the report names what is there"
        " instead. An empty file is no error: nothing was recorded.",
        "Give files of OTLP JSON, of Jaeger's JSON, or the log of a Lambda function. Unpack what is"
        " packed with anything but gzip.",
        1,
    ),
    Message(
        "report-not-writable",
        "The file for the report (`conntrace report -o`) cannot be made or written; the line has"
        " the system's reason.",
        "Name a file in a folder that exists and that you may write to.",
        1,
    ),
    Message(
        "report-folder-empty",
        "The folder given to `conntrace report` has no file of spans in it or below.",
        "Name the file itself, or the folder that `-o` wrote to.",
        1,
    ),
    Message(
        "report-trace-unknown",
        "`--trace` names no trace, or the beginning of several.",
        "Take more digits of the id; the report without `--trace` shows ids.",
        1,
    ),
    # --- the local Lambda ------------------------------------------------------------------------
    Message(
        "lambda-layer-missing",
        "`conntrace lambda` shows what the layer records, and was given no layer.",
        "Add `--layer dist/conntrace-layer.zip`. `make layer` in conntrace's repository writes that"
        " file.",
        2,
    ),
    Message(
        "lambda-events",
        "The file of events (`--events`) cannot be read, is empty, or has a line that is no JSON"
        " document; the line says which.",
        'Write one event a line, such as `{"id": 1}`, or a single event over several lines.',
        1,
    ),
    Message(
        "lambda-output",
        "The file for the spans (`conntrace lambda -o`) cannot be made; the line has the system's"
        " reason.",
        "Name a file in a folder that exists and that you may write to.",
        1,
    ),
    Message(
        "lambda-needs-linux",
        "The local Lambda freezes processes and mounts the layer as Linux does it; this system is"
        " another.",
        "Run it on Linux, for instance in a container.",
        1,
    ),
    Message(
        "lambda-settings",
        "A setting of the local Lambda is one that no function can have; the line says which.",
        "Correct it; [testing.md](testing.md#a-lambda-function) lists the settings.",
        1,
    ),
    Message(
        "lambda-request",
        "`LocalLambda.invoke` was given an event that is not JSON or larger than 6 MB, or a pause"
        " that is no number of seconds, a header that is none, or the function had been closed.",
        "Correct what the line names; invoke inside of the `with` block.",
        1,
    ),
    Message(
        "lambda-no-code",
        "The folder with the function's code is not there.",
        "Name the folder that holds the handler's module: `--task-root src`.",
        1,
    ),
    Message(
        "lambda-no-layer",
        "A layer that was named is not there, or is neither a zip file nor a folder.",
        "In conntrace's repository `make layer` writes `dist/conntrace-layer.zip`; name that file.",
        1,
    ),
    Message(
        "lambda-no-mount",
        "The local Lambda was given `mounts`, and this system does not let this user make them.",
        "Run as root, allow user namespaces, or leave `mounts` out.",
        1,
    ),
    Message(
        "lambda-no-packet-filter",
        "Packets for a frozen environment were to be dropped (`pause_network`), as for a paused"
        " machine, and this user cannot filter packets.",
        "Run as root with nftables installed, or leave `pause_network` out.",
        1,
    ),
    Message(
        "lambda-no-python",
        "The Python that is to run the function is not there or does not start.",
        "Name an interpreter that runs, by its path or its name on PATH.",
        1,
    ),
    Message(
        "lambda-no-runtime-client",
        "The Python that runs the function lacks `awslambdaric`, AWS's own runtime client, so the"
        " function cannot be started.",
        "`pip install 'conntrace[lambda]'` or `pip install awslambdaric` in that Python's"
        " environment.",
        1,
    ),
    Message(
        "lambda-no-sandbox",
        "The small program that starts and watches the function's processes did not start.",
        "Check that this user may start more processes (`ulimit -u`) and that memory is left.",
        1,
    ),
    Message(
        "lambda-stuck",
        "The local Lambda itself did not end an invocation long after its time limit.",
        "Please report it, with the function's log.",
        1,
    ),
)

MESSAGES: dict[str, Message] = {message.slug: message for message in _TABLE}
