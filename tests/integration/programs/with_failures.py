"""Programs whose connections go wrong: `with_failures.py FUNCTION ARGUMENT...`."""

import ctypes
import os
import resource
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.request

import loopback_names  # noqa: F401 - makes the *.test names known
import requests
import urllib3

CA = os.environ.get("TEST_CA")


def client(read_s="5", **options):
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=float(read_s)),
        retries=urllib3.Retry(1, backoff_factor=0),
        **options,
    )


def attempt(manager, url):
    try:
        manager.request("GET", url)
    except urllib3.exceptions.HTTPError:
        print("failed")


def pause_between(url, second, idle_s, read_s="5"):
    """Two requests, the second one with one retry."""
    manager = client(read_s)
    attempt(manager, url)
    time.sleep(float(idle_s))
    attempt(manager, second)


def pause_between_probed(url, second, idle_s, read_s):
    """The same with keep-alive probes from the first second on."""
    options = [
        *urllib3.connection.HTTPConnection.default_socket_options,
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    ]
    manager = client(read_s, socket_options=options)
    attempt(manager, url)
    time.sleep(float(idle_s))
    attempt(manager, second)


def empty_slot_on_top(url, slow_url):
    """A slow request beside a quick one, which gives its connection back first; then a third."""
    manager = urllib3.PoolManager(maxsize=2, retries=False, timeout=1.0)
    slow = threading.Thread(target=attempt, args=(manager, slow_url))
    slow.start()
    time.sleep(0.3)
    attempt(manager, url)
    slow.join()
    attempt(manager, url)


def take_what_comes(url):
    """Two requests of a client that does not hold a body against its announced length."""
    manager = client()
    for _ in range(2):
        response = manager.request("GET", url, preload_content=False, enforce_content_length=False)
        for _ in response.stream(1024):
            pass
        response.release_conn()
        time.sleep(0.2)


def read_with_requests(url):
    """A response that breaks off while requests reads its body, and another request."""
    session = requests.Session()
    session.trust_env = False
    for _ in range(2):
        try:
            session.get(url, timeout=5)
        except requests.RequestException:
            print("failed")


def miss_the_end(url, away_s):
    """The client's machine hears nothing while the server closes, and sends right afterwards."""
    manager = client()
    attempt(manager, url)
    pool = manager.connection_from_url(url)
    sock = next(one for one in pool.pool.queue if one is not None).sock
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    filter_ = struct.pack("HL", 1, ctypes.addressof(program))
    sock.setsockopt(socket.SOL_SOCKET, 26, filter_)
    time.sleep(float(away_s))
    sock.setsockopt(socket.SOL_SOCKET, 27, 0)
    attempt(manager, url)


def follow(library, url):
    if library == "urllib3":
        urllib3.PoolManager().request("GET", url)
    elif library == "requests":
        session = requests.Session()
        session.trust_env = False
        session.get(url, timeout=5)
    else:
        with urllib.request.urlopen(url, timeout=5) as response:
            response.read()


def no_descriptors(url):
    """One request with all file descriptors in use, and one after that."""
    manager = urllib3.PoolManager(retries=False)
    urllib3.PoolManager().request("GET", url)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        manager.request("GET", url)
    except urllib3.exceptions.HTTPError:
        print("failed")
    except OSError:
        print("failed")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def release_unread(url, drain=""):
    manager = urllib3.PoolManager()
    response = manager.request("GET", url, preload_content=False)
    if drain:
        response.drain_conn()
    response.release_conn()
    time.sleep(0.2)
    manager.request("GET", url)


def leak(url, how):
    """Two responses that are not read: dropped, closed, or read to the end."""
    manager = urllib3.PoolManager(maxsize=1)
    response = manager.request("GET", url, preload_content=False)
    if how == "closed":
        response.close()
    elif how == "read":
        response.read()
        response.release_conn()
    del response
    time.sleep(0.05)
    manager.request("GET", url)


def leak_reused(library, url):
    """The second response on a connection is not read, the first one was."""
    if library == "urllib3":
        manager = urllib3.PoolManager(maxsize=1)

        def take():
            return manager.request("GET", url, preload_content=False)

    elif library == "boto3":
        import boto3
        import botocore.config

        endpoint, bucket, key = url.rsplit("/", 2)
        config = botocore.config.Config(s3={"addressing_style": "path"})
        storage = boto3.client("s3", endpoint_url=endpoint, config=config)

        def take():
            return storage.get_object(Bucket=bucket, Key=key)["Body"]

    else:
        session = requests.Session()
        session.trust_env = False

        def take():
            return session.get(url, stream=True, timeout=5).raw

    take().read()
    response = take()  # the one that is lost
    del response
    time.sleep(0.05)
    take().read()


def without_tcp_info(url, idle_s):
    """A kernel that refuses TCP_INFO, as some sandboxes do, and other systems always."""
    from conntrace.traced import kernel

    kernel.LINUX = False
    pause_between(url, url, idle_s)


def slow_without_tcp_info(url):
    from conntrace.traced import kernel

    kernel.LINUX = False
    attempt(client("0.5"), url)


def own_name():
    socket.getfqdn()


def lookup_own_address():
    socket.getfqdn("127.0.0.1")


class Proxied(socket.socket):
    """As PySocks' sockets are: the peer is the proxy's, and not known yet."""

    def getpeername(self):
        return None


def connect_to_name_by_subclass(port):
    with Proxied() as sock:
        sock.connect(("localhost", int(port)))


def connect_to_name(port):
    with socket.socket() as one:
        one.connect(("localhost", int(port)))


def connect_to_address(port):
    with socket.socket() as one:
        one.connect(("127.0.0.1", int(port)))


def send_to(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", (host, int(port)))


def leak_and_hold(url, leaks, held):
    """Responses that are dropped, then several at once."""
    manager = urllib3.PoolManager(maxsize=2)
    for _ in range(int(leaks)):
        manager.request("GET", url, preload_content=False)
    responses = [manager.request("GET", url, preload_content=False) for _ in range(int(held))]
    for response in responses:
        response.drain_conn()


def wrong_option(url):
    """A socket option that no system knows."""
    attempt(client(socket_options=[(socket.IPPROTO_TCP, 9999, 1)]), url)


def attempt_through_proxy(proxy, url):
    attempt(urllib3.ProxyManager(proxy, ca_certs=CA, retries=1), url)


def pause_through_proxy(proxy, url, pause_s):
    context = ssl.create_default_context(cafile=CA)
    # urllib3 1.26 does not tell it the host when that is an address.
    context.check_hostname = False
    manager = urllib3.ProxyManager(proxy, ca_certs=CA, proxy_ssl_context=context)
    manager.request("GET", url)
    time.sleep(float(pause_s))
    manager.request("GET", url)


def through_proxy(proxy, url):
    urllib3.ProxyManager(proxy, ca_certs=CA).request("GET", url)


def credentials(endpoint):
    """A DynamoDB client whose credentials come from a container's endpoint."""
    import boto3

    boto3.client("dynamodb", endpoint_url=endpoint).list_tables()


def export(collector, url):
    """An OpenTelemetry exporter beside the program's own requests."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider

    span = TracerProvider().get_tracer("test").start_span("work")
    span.end()
    session = requests.Session()
    session.trust_env = False
    exporter = OTLPSpanExporter(endpoint=collector, session=None)
    exporter.export([span])
    session.get(url, timeout=5)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
