"""The texts and ids of all causes: one table, shared by the analyzer, the reports and the docs.

Light on purpose (no other module of conntrace, nothing heavy): any side may import it.
"""

from __future__ import annotations

from typing import NamedTuple

FAMILIES: dict[str, str] = {
    "A": "No pool for this destination yet",
    "B": "The pool is known, but has nothing idle",
    "C": "The pooled connection was found dead",
    "D": "Handed out as live, died in use",
    "E": "Several connects for one request",
    "F": "The client's own policy",
    "G": "Lookups and connects without an HTTP client",
    "H": "Side traffic, and what nobody can tell",
    "Q": "What made it slow (contributing, never the cause)",
}


class CauseText(NamedTuple):
    """What one cause means, for people.

    `advice` is the general change that removes it; a finding may carry a more exact one, or none.
    `do_not` names the remedy that looks right and is not. `avoidable` is what a proved case of it
    is by default. `close_reason` and `initiator` (`local` or `remote`) are set where the cause is
    the end of the connection before. `decided` says whether this version decides it.
    """

    id: str
    family: str
    title: str
    meaning: str
    how: str
    advice: str = ""
    do_not: str = ""
    avoidable: bool = False
    close_reason: str = ""
    initiator: str = ""
    decided: bool = True


NO_KEEPALIVE_REMEDY = (
    "Do not expect SO_KEEPALIVE (tcp_keepalive=True) to help: its first probe comes after 7200 s by"
    " default, and probes never reset an HTTP server's idle timer."
)

_TABLE: tuple[CauseText, ...] = (
    # --- A: no pool for this destination yet ---------------------------------------------------
    CauseText(
        "first_use_of_destination",
        "A",
        "First connection to this destination",
        "The process had never connected to this scheme, host, port and proxy before.",
        "No earlier connection of any client to the destination is known. Inferred when the agent"
        " came into a process that was already running.",
        "Nothing to change. In AWS Lambda, connect while the function initialises.",
    ),
    CauseText(
        "client_recreated",
        "A",
        "A new client is built where an old one was",
        "A client (boto3 client, Session, PoolManager) was made at the same line as an earlier one,"
        " which was not used since. Connections belong to a client: a new one starts without any.",
        "Both clients were made at the same line, and the old one is closed or was collected"
        " (proved), or still lives without having been used (inferred).",
        "Create the client once, at module level, and use it for every call.",
        "Do not raise pool sizes or set keep-alive options: they belong to the lost client.",
        avoidable=True,
    ),
    CauseText(
        "parallel_client",
        "A",
        "A second client for a destination that another one is connected to",
        "Two clients live at the same time; each keeps connections of its own.",
        "Another client, made elsewhere, lives and has an idle connection to the same destination.",
        "Share one client, if both use the same credentials and settings.",
        "Do not merge clients that differ in credentials or TLS settings on purpose.",
        avoidable=True,
    ),
    CauseText(
        "one_shot_api",
        "A",
        "An API that makes a connection for one request",
        "requests.get() and its sisters, urllib.request and a bare http.client object connect anew"
        " for every call.",
        "The client was made inside such an API, and the process had connected there before.",
        "Keep a requests.Session or a urllib3.PoolManager and send the requests through it.",
        "Do not tune pools: such an API never reuses one.",
        avoidable=True,
    ),
    CauseText(
        "pool_key_mismatch",
        "A",
        "The same destination with other connection settings",
        "The client has a pool for this destination, but for other settings (TLS, timeout, socket"
        " options ...): it keeps one pool for each combination.",
        "Same client and destination; the fields of the pool key that differ are named.",
        "Pass the same connection settings on every call.",
        "Do not compare URLs: upper case and an explicit default port make no difference.",
        avoidable=True,
    ),
    CauseText(
        "pool_evicted_lru",
        "A",
        "The client talks to more hosts than it keeps pools for",
        "A client keeps a fixed number of pools (10 by default), one for each destination. Another"
        " destination pushed this one out, with its connections.",
        "The eviction was seen: victim, evictor and limit are known.",
        "Raise the number of pools (urllib3: num_pools, requests: pool_connections) or use fewer"
        " hosts for each client.",
        "Do not raise max_pool_connections or pool_maxsize: they count connections to one host.",
        avoidable=True,
        close_reason="pool_evicted_lru",
        initiator="local",
    ),
    CauseText(
        "pool_closed_explicitly",
        "A",
        "The program closed the pool itself",
        "clear(), close(), the end of a `with` block, client.close() or Session.close() dropped the"
        " connections, and the same client was used again.",
        "The closing call was seen, with its call site.",
        "Do not close between uses.",
        avoidable=True,
        close_reason="pool_closed_explicitly",
        initiator="local",
    ),
    CauseText(
        "redirect_other_origin",
        "A",
        "A redirect led to another destination",
        "A response sent the client to another host, which needs a connection of its own.",
        "The connection was made while the client followed a redirect of another origin (urllib3,"
        " requests, urllib.request, or botocore for the region of an S3 bucket).",
        "Use the final address, or the right region, from the start.",
    ),
    CauseText(
        "sdk_endpoint_variation",
        "A",
        "One SDK client talks to a further host",
        "An AWS client uses several host names (a bucket, an account, a shard each has its own),"
        " and each needs a pool.",
        "First connection to this host, by an SDK client that is connected to other hosts already.",
        "Nothing, while the client stays below its number of pools (10).",
        "Do not raise max_pool_connections: it counts connections to one host.",
    ),
    CauseText(
        "forked_process",
        "A",
        "A forked process cannot use its parent's connections",
        "The pool or the connection was made before the fork; the child needs one of its own.",
        "The pool and its last connection were made by the parent process. A request of the child"
        " on the very connection of its parent needs no new one: it carries the cause itself.",
        "Create clients after the fork, and never share one between processes.",
        "Do not reuse inherited sockets: both processes would read each other's answers.",
    ),
    CauseText(
        "sandbox_restored",
        "A",
        "The sandbox was restored from a snapshot",
        "Connections that were in the snapshot are dead after the restore.",
        "The connection was made before the restore, was not used since, and was found dead or died"
        " on first use.",
        "Close before the snapshot and connect after the restore (SnapStart hooks).",
    ),
    # --- B: nothing idle ------------------------------------------------------------------------
    CauseText(
        "pool_overflow_concurrency",
        "B",
        "More requests at once than the pool keeps connections",
        "All connections of the pool were in use, so another one was made beyond its size; it is"
        " thrown away afterwards.",
        "The pool's queue was empty and as many connections as it keeps were in use.",
        "Raise the pool's maxsize to the real concurrency, or let requests wait (block=True).",
        "Do not raise the number of pools (num_pools, pool_connections): it counts hosts.",
        avoidable=True,
    ),
    CauseText(
        "pool_growing_concurrency",
        "B",
        "More requests at once than before",
        "The pool still had room, all its connections were in use: it grew by one.",
        "An empty slot was handed out while other connections were in use and none was idle.",
    ),
    CauseText(
        "discarded_pool_full",
        "B",
        "A connection was thrown away because the pool was full",
        "A connection beyond the pool's size came back, was closed for want of room, and is now"
        " missed.",
        "The pool closed a connection as it came back, and later had none to hand out.",
        "Raise the maxsize of this pool to the number of threads that use it.",
        "Do not tune another library's pool: look at the owner shown.",
        avoidable=True,
        close_reason="discarded_pool_full",
        initiator="local",
    ),
    CauseText(
        "lease_leaked_unread",
        "B",
        "A response was dropped without being read",
        "Its connection never came back, and the pool has one slot less for good.",
        "The response was collected with bytes of its body unread.",
        "Read every response to its end, or close it: use `with`, or drain_conn().",
        "Do not raise maxsize: the leak eats the new slots too.",
        avoidable=True,
        close_reason="lease_leaked_unread",
        initiator="local",
    ),
    CauseText(
        "client_closed_response_early",
        "B",
        "The program closed a response before its end",
        "Closing an unread response closes its connection.",
        "The program called close() on a response that had bytes left. Avoidable when 64 KiB or"
        " less of an announced length were left.",
        "Read small rests to the end (drain_conn()); for large ones closing is cheaper.",
        close_reason="client_closed_response_early",
        initiator="local",
    ),
    CauseText(
        "placeholder_above_idle",
        "B",
        "An empty slot lay above an idle connection",
        "The pool is a stack: after a failed request an empty slot is on top and is taken first.",
        "An empty slot was handed out while live connections were idle in the same pool.",
        "Usually harmless: put right what made the request fail.",
    ),
    # --- C: found dead --------------------------------------------------------------------------
    CauseText(
        "response_connection_close",
        "C",
        "The server ends the connection after a response",
        "The response carried `Connection: close`.",
        "The header was seen; the client had not asked for it.",
        "Let the server or the proxy in front of it keep connections (keep-alive setting, requests"
        " per connection).",
        "Do not change the client: it cannot keep what the server ends.",
        close_reason="response_connection_close",
        initiator="remote",
    ),
    CauseText(
        "request_connection_close",
        "C",
        "The client asks the server to close",
        "The request carried `Connection: close`, and the connection was closed after it.",
        "Both were seen: the header, and the close.",
        "Remove the `Connection: close` header from the requests.",
        avoidable=True,
        close_reason="request_connection_close",
        initiator="local",
    ),
    CauseText(
        "http10_no_keepalive",
        "C",
        "The server speaks HTTP/1.0",
        "HTTP/1.0 closes after each response, unless the server announces keep-alive.",
        "The response had version 1.0 and no keep-alive header.",
        "Let the server or proxy speak HTTP/1.1.",
        close_reason="http10_no_keepalive",
        initiator="remote",
    ),
    CauseText(
        "response_eof_delimited",
        "C",
        "The response ends with the connection",
        "It had neither a Content-Length nor chunks: only the close marks its end.",
        "HTTP/1.1, no length, not chunked, and a body.",
        "Let the server send a Content-Length or chunks.",
        close_reason="response_eof_delimited",
        initiator="remote",
    ),
    CauseText(
        "server_closed_idle",
        "C",
        "The server closes idle connections",
        "The server closed the connection while it lay idle in the pool; the pool noticed at the"
        " next request.",
        "The kernel shows the server's FIN (or TLS close_notify) on an idle connection, and when it"
        " came.",
        "Send requests at shorter intervals than the server's limit, or accept one new connection"
        " per pause.",
        NO_KEEPALIVE_REMEDY,
        avoidable=True,
        close_reason="server_closed_idle",
        initiator="remote",
    ),
    CauseText(
        "peer_reset_idle",
        "C",
        "The idle connection was reset",
        "A RST arrived while the connection lay idle: from the server, or from a device between.",
        "The kernel shows the connection closed by a reset, not by a FIN.",
        "Look for a NAT, firewall or load balancer with an idle limit, or a server that restarted.",
        close_reason="peer_reset_idle",
        initiator="remote",
    ),
    CauseText(
        "unsolicited_data",
        "C",
        "The server sent something nobody asked for",
        "Bytes were waiting on the idle connection (a late 408, for example): it cannot be reused.",
        "Bytes were pending on a connection without a request.",
        "Look at what the server sends when a connection is idle; it is often a time-out page.",
        close_reason="unsolicited_data",
        initiator="remote",
    ),
    CauseText(
        "unread_body_released",
        "C",
        "A connection was given back with an unread rest",
        "release_conn() was called before the body was read: the rest makes it unusable.",
        "The lease ended with bytes unread, and the pool then found the connection readable, or"
        " http.client refused the next request on it.",
        "Call drain_conn() before release_conn().",
        avoidable=True,
        close_reason="unread_body_released",
        initiator="local",
    ),
    # --- D: died in use -------------------------------------------------------------------------
    CauseText(
        "stale_reset_on_reuse",
        "D",
        "A reused connection was dead on arrival",
        "The pool took it for alive, but the request was answered by a reset or a close.",
        "A reused connection failed with a reset within about a round trip, before any byte of a"
        " response. Proved when the kernel or http.client saw no byte, the connection had been idle"
        " for half a second or more, and the same request was answered on the new connection at"
        " once; a server that crashes on a request looks alike otherwise.",
        "Retry requests that may be repeated, or keep connections idle for a shorter time.",
        NO_KEEPALIVE_REMEDY,
        close_reason="stale_reset_on_reuse",
        initiator="remote",
    ),
    CauseText(
        "silent_drop_timeout",
        "D",
        "Something between dropped the connection silently",
        "The request was sent and never acknowledged.",
        "Time-out of a reused connection with segments sent again and not acknowledged. Proved when"
        " it had been idle, no probes were to keep it alive, and a new connection could be made.",
        "Set TCP_KEEPIDLE below the limit of the device between (see the recipe).",
        "Do not only set tcp_keepalive=True: its first probe comes after 7200 s.",
    ),
    CauseText(
        "slow_server_timeout",
        "D",
        "The server took longer than the read time-out",
        "The request was acknowledged; no answer came in time.",
        "Time-out on a connection on which the kernel shows everything acknowledged and nothing"
        " sent again.",
        "Raise the read time-out or make the server faster; mind that the request may still run.",
    ),
    CauseText(
        "idle_in_flight_drop",
        "D",
        "The connection was dropped while the server worked",
        "A device between forgets connections on which nothing moves.",
        "Request acknowledged, silence for 240 s or more, then a reset or time-out. Never proved:"
        " it takes the server's word that it had answered.",
        "Ask for results asynchronously, or send keep-alive probes (TCP_KEEPIDLE).",
    ),
    CauseText(
        "reset_mid_response",
        "D",
        "The connection broke during a response",
        "Part of the response had arrived.",
        "The head of a response had been read, then came a reset or an early end; also where a"
        " client took what came for the whole: less than the announced length, then a FIN.",
        "Look at the server's limits (time, size).",
    ),
    CauseText(
        "replaced_after_error",
        "D",
        "The attempt before failed",
        "A failed attempt closes its connection; the next one needs a new one.",
        "The failed attempt on the same pool was seen; its error is named.",
        "Put right what made the first attempt fail.",
        close_reason="replaced_after_error",
        initiator="local",
    ),
    CauseText(
        "thaw_after_freeze",
        "D",
        "The connection was lost while the sandbox was frozen",
        "A frozen function cannot keep connections alive, nor notice that the server closes them.",
        "The connection died on first use (or was found dead, and the kernel does not say how)"
        " after a pause of which the sandbox was frozen for half or more. Proved when it was awake"
        " for less than a second of it and the death is proved. A FIN or RST that the kernel shows"
        " on the idle connection wins.",
        "Treat it as normal: retry cheaply.",
        "Do not set keep-alive options: a frozen sandbox sends no probes, and probes never reset an"
        " HTTP server's idle timer.",
    ),
    # --- E: several connects --------------------------------------------------------------------
    CauseText(
        "address_fallback",
        "E",
        "An address did not answer, the next one was tried",
        "A name has several addresses, tried in order; each dead one costs a connect time-out.",
        "An earlier address of the same connection failed.",
        "Repair the address (often IPv6) or the DNS entry, or set a short connect time-out.",
        "Do not forget that the connect time-out counts for each address.",
    ),
    CauseText(
        "happy_eyeballs_race",
        "E",
        "Several addresses were tried at once",
        "asyncio clients race addresses and keep the first that answers.",
        "The attempt before had not ended when this one began.",
    ),
    CauseText(
        "proxy_tunnel",
        "E",
        "Through a proxy's tunnel",
        "The connection goes to a proxy, which was asked to connect further.",
        "A CONNECT was sent during the set-up.",
        "Mind the proxy's own idle limit.",
    ),
    CauseText(
        "tls_handshake_failed",
        "E",
        "A TLS handshake failed before",
        "The attempt before ended in the TLS handshake.",
        "The handshake's error was seen.",
        "Renew the certificate or the CA bundle; check the clock.",
    ),
    # --- F: client policy -----------------------------------------------------------------------
    CauseText(
        "client_idle_expiry",
        "F",
        "The client's own idle limit",
        "Some clients close connections idle for some seconds (httpx 5, aiohttp 15).",
        "Closed on this side after the client's limit; the server had sent nothing.",
        "Raise the client's limit, but keep it below the server's.",
        decided=False,
    ),
    CauseText(
        "client_max_age",
        "F",
        "The client recycles old connections",
        "The application or a wrapper closes connections by age.",
        "Closed on this side: old, but not idle.",
        decided=False,
    ),
    # --- G: without an HTTP client --------------------------------------------------------------
    CauseText(
        "unpooled_socket",
        "G",
        "A plain socket connects by itself",
        "Not an HTTP client known to conntrace: a database, mail or cache client, or own code.",
        "A lookup or connect without a set-up around it.",
    ),
    CauseText(
        "explicit_lookup",
        "G",
        "The program looks a name up itself",
        "A lookup that no connection followed.",
        "No connect by the same thread followed within a second.",
    ),
    CauseText(
        "self_hostname_lookup",
        "G",
        "The program looks its own name up",
        "getfqdn() and servers do that at their start.",
        "The name is exactly the machine's own, or an address of its loopback is looked up"
        " backwards.",
        "Pass names explicitly.",
    ),
    CauseText(
        "datagram_hostname",
        "G",
        "A datagram is sent to a name",
        "sendto(name) looks the name up every time, in C.",
        "Only the interpreter's audit event shows it.",
        "Look the name up once, or connect() the UDP socket.",
    ),
    CauseText(
        "implicit_connect_resolution",
        "G",
        "connect() was given a name",
        "The lookup happens inside connect(), in C; its time counts as connect time.",
        "The audit event of the connect shows a name, not an address.",
    ),
    CauseText(
        "client_dns_cache_expired",
        "G",
        "The client's own DNS cache expired",
        "aiohttp keeps answers for 10 s.",
        "The cache entry was older than the client's limit.",
        "Raise ttl_dns_cache.",
        decided=False,
    ),
    CauseText(
        "not_a_lookup",
        "G",
        "An IP address, not a name",
        "getaddrinfo was called with an address: nothing is looked up. Counted, not shown.",
        "The text is an IP literal.",
    ),
    # --- H: side traffic ------------------------------------------------------------------------
    CauseText(
        "credential_fetch",
        "H",
        "Credentials were fetched",
        "The AWS SDK asks the metadata service, STS or SSO for credentials, with a client of its"
        " own.",
        "The client was made by the SDK's credential code.",
        "Keep one boto3 session for all clients: each session fetches its own credentials.",
    ),
    CauseText(
        "telemetry_export",
        "H",
        "A telemetry exporter's own connection",
        "Traffic of a tracing or metrics exporter, not of the program.",
        "The client was made by an exporter.",
    ),
    CauseText(
        "unexplained",
        "H",
        "The facts do not say why",
        "None of the other causes is proved or likely; what is known is shown as evidence.",
        "Nothing fitted.",
    ),
    # --- Q: latency qualifiers ------------------------------------------------------------------
    CauseText(
        "ca_bundle_load",
        "Q",
        "The CA bundle was parsed for this connection",
        "urllib3 loads the bundle anew for each TLS connection when ca_certs is set (requests and"
        " botocore always do).",
        "The load took 5 ms or more within the set-up.",
        "Fewer connections; or pass one ssl_context that is already loaded.",
    ),
    CauseText(
        "executor_wait",
        "Q",
        "The lookup waited for a thread",
        "asyncio looks names up in a thread pool.",
        "Time between asking and starting.",
        decided=False,
    ),
    CauseText(
        "syn_retransmit",
        "Q",
        "The first packet was lost",
        "The connect took about 1, 3 or 7 s: the times at which SYN is sent again.",
        "The connect took 1, 3 or 7 s, and at most 0.3 s more.",
    ),
    CauseText(
        "dns_retransmit",
        "Q",
        "A DNS packet was lost",
        "The lookup took about a multiple of 5 s, the resolver's time-out.",
        "The lookup took a multiple of 5 s, and at most 0.3 s more.",
    ),
    CauseText(
        "cpu_starved",
        "Q",
        "The processor was busy elsewhere",
        "The thread of the TLS handshake was ready to run, but waited for a processor.",
        "The scheduler says so (run delay in /proc/thread-self/schedstat on Linux): 10 ms or more,"
        " and at least half of the handshake's time.",
        "Give the program more CPU (in AWS Lambda: more memory), or do less beside it.",
        "Do not look for a slow network or server: most of the time nothing was asked of them.",
    ),
    CauseText(
        "fd_exhausted",
        "Q",
        "No file descriptors left",
        "Lookups and connects fail in odd ways when a process has too many files open.",
        "A lookup, socket or connect of the set-up failed with `too many open files`.",
    ),
)

CAUSES: dict[str, CauseText] = {cause.id: cause for cause in _TABLE}


class CloseReason(NamedTuple):
    """An end of a connection that is not a cause of its own. `initiator`: `local` or `remote`."""

    title: str
    initiator: str


CLOSE_REASONS: dict[str, CloseReason] = {
    "pool_collected": CloseReason("Its pool was collected", "local"),
    "connection_collected": CloseReason("Its object was collected", "local"),
    "closed_by_program": CloseReason("Closed by the program", "local"),
    "attempt_failed": CloseReason("Its request or set-up failed", "local"),
    "broken_by_peer": CloseReason("Broken by the other side during a request", "remote"),
    "response_cut_short": CloseReason("Ended before the response was whole", "remote"),
    "response_ended": CloseReason("Closed after a response", "remote"),
    "unknown": CloseReason("Found dead, nobody knows how", "remote"),
}

END_WORDS: dict[str, str] = {
    "attempt_failed": "request failed",
    "broken_by_peer": "broken off by the server",
    "client_closed_response_early": "response closed early",
    "closed_by_program": "closed by the program",
    "discarded_pool_full": "pool was full",
    "http10_no_keepalive": "HTTP/1.0, no keep-alive",
    "lease_leaked_unread": "response dropped unread",
    "peer_reset_idle": "reset while idle",
    "pool_closed_explicitly": "pool closed",
    "request_connection_close": "client: Connection: close",
    "response_connection_close": "server: Connection: close",
    "response_ended": "closed after a response",
    "response_eof_delimited": "closed to end a response",
    "unread_body_released": "given back unread",
    "unsolicited_data": "unasked data arrived",
}
"""How a connection ended, in the few words that have room behind its life."""

# error.type of spans that their process could not end.
PROCESS_LOST = "process_lost"
UNFINISHED = "unfinished"

PHASES: dict[str, str] = {
    "dns": "looking a name up",
    "connect": "connecting",
    "tls": "in the TLS handshake",
    "sending": "sending the request",
    "waiting": "waiting for the response, or for a connection of the pool",
    "handler": "in the function's own code",
    "init": "initialising the function",
}


def title(cause: str) -> str:
    """The one-line title of a cause or close reason; the id itself when it is not known."""
    known = CAUSES.get(cause)
    if known is not None:
        return known.title
    reason = CLOSE_REASONS.get(cause)
    return reason.title if reason is not None else cause
