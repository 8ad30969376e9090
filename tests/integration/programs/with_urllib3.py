"""Programs on urllib3: `with_urllib3.py FUNCTION ARGUMENT...`; each function is one program."""

import os
import sys
import threading
import time

import loopback_names  # noqa: F401 - makes the *.test names known
import urllib3

TLS = {"ca_certs": os.environ.get("TEST_CA")}


def get(manager, url, **options):
    response = manager.request("GET", url, **options)
    return response.data


def at_once(manager, url, count):
    threads = [threading.Thread(target=get, args=(manager, url)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def reuse(url, times="3", gap="0"):
    manager = urllib3.PoolManager(**TLS)
    for _ in range(int(times)):
        get(manager, url)
        time.sleep(float(gap))


def recreate(url):
    for _ in range(3):
        manager = urllib3.PoolManager(**TLS)
        get(manager, url)
        del manager


def recreate_and_keep(url):
    kept = []
    for _ in range(2):
        kept.append(urllib3.PoolManager(**TLS))
        get(kept[-1], url)


def parallel(url):
    first = urllib3.PoolManager(**TLS)
    get(first, url)
    second = urllib3.PoolManager(**TLS)
    get(second, url)


def one_manager_in_two_places(url):
    manager = urllib3.PoolManager(**TLS)
    get(manager, url)
    manager.request("HEAD", url)


def rotate(num_pools, *urls):
    manager = urllib3.PoolManager(num_pools=int(num_pools), **TLS)
    for url in urls:
        get(manager, url)


def two_settings(url):
    manager = urllib3.PoolManager(**TLS)
    get(manager, url)
    parts = urllib3.util.parse_url(url)
    pool = manager.connection_from_host(
        parts.host, parts.port, parts.scheme, pool_kwargs={**TLS, "timeout": 5.0}
    )
    pool.request("GET", "/")


def same_settings(url):
    manager = urllib3.PoolManager(**TLS)
    get(manager, url)
    get(manager, url.replace(".test", ".TEST"))


def clear(url):
    manager = urllib3.PoolManager(**TLS)
    get(manager, url)
    manager.clear()
    get(manager, url)


def burst(url, maxsize, count, rounds="1", block=""):
    manager = urllib3.PoolManager(maxsize=int(maxsize), block=bool(block), **TLS)
    get(manager, url)
    for _ in range(int(rounds)):
        at_once(manager, f"{url}/gate/{count}", int(count))


def wait_for_connection(url):
    manager = urllib3.PoolManager(maxsize=1, block=True, **TLS)
    get(manager, url)
    at_once(manager, f"{url}/pause/300", 2)


def one_after_the_other(url):
    manager = urllib3.PoolManager(maxsize=1, **TLS)
    for _ in range(3):
        at_once(manager, url, 1)


def lose_after_discard(url):
    manager = urllib3.PoolManager(maxsize=1, **TLS)
    get(manager, url)
    at_once(manager, f"{url}/gate/2", 2)
    pool = manager.connection_from_url(url)
    taken = pool.pool.get(block=False)
    get(manager, url)
    taken.close()


def slip_away(url):
    manager = urllib3.PoolManager(**TLS)
    get(manager, url)
    pool = manager.connection_from_url(url)
    taken = pool.pool.get(block=False)
    pool.pool.put(None)
    get(manager, url)
    taken.close()


def ask_to_close(url):
    manager = urllib3.PoolManager(**TLS)
    for _ in range(2):
        get(manager, url, headers={"Connection": "close"})
        time.sleep(0.2)  # the server's FIN may come after its answer


def retry(url):
    manager = urllib3.PoolManager(retries=urllib3.Retry(2, backoff_factor=0), **TLS)
    get(manager, url)


def fail_twice(url):
    manager = urllib3.PoolManager(retries=urllib3.Retry(1, backoff_factor=0), **TLS)
    try:
        get(manager, url)
    except urllib3.exceptions.MaxRetryError:
        print("failed")


def fork(url, own=""):
    manager = urllib3.PoolManager(**TLS)
    held = manager.request("GET", url, preload_content=False)
    child = os.fork()
    if child == 0:
        get(urllib3.PoolManager(**TLS) if own else manager, url)
        os._exit(0)
    os.waitpid(child, 0)
    held.read()
    held.release_conn()


def use_after_fork(url, fork="yes"):
    """The child sends on the very connection that its parent left idle."""
    manager = urllib3.PoolManager(**TLS)
    get(manager, url)
    child = os.fork() if fork == "yes" else 0
    if child == 0:
        get(manager, url)
        os._exit(0)
    os.waitpid(child, 0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
