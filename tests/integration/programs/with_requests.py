"""Programs on requests: `with_requests.py FUNCTION ARGUMENT...`; each function is one program."""

import os
import sys
import threading
import time

import loopback_names  # noqa: F401 - makes the *.test names known
import requests

CA = os.environ["TEST_CA"]


def session():
    made = requests.Session()
    made.verify = CA
    made.trust_env = False
    return made


def reuse(url, times="2", gap="0"):
    one = session()
    for _ in range(int(times)):
        one.get(url)
        time.sleep(float(gap))


def one_shot(url):
    for _ in range(3):
        requests.get(url, verify=CA)


def recreate(url):
    for _ in range(2):
        with requests.Session() as one:
            one.get(url, verify=CA)


def close_and_go_on(url):
    one = session()
    one.get(url)
    one.close()
    one.get(url)


def rotate(pools, *urls):
    one = session()
    one.mount("http://", requests.adapters.HTTPAdapter(pool_connections=int(pools)))
    for url in urls:
        one.get(url)


def two_bundles(url, other):
    one = session()
    one.get(url, verify=CA)
    one.get(url, verify=other)


def burst(url, maxsize, count):
    one = session()
    one.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=int(maxsize)))
    one.get(url)
    threads = [threading.Thread(target=one.get, args=(f"{url}/gate/{count}",)) for _ in "xx"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def mount_later(url):
    """Another adapter takes over after the first request: one session, two pools."""
    with session() as one:
        one.get(url)
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=3)
        one.mount(url, adapter)
        one.get(url)
        one.get(url)


def ask_to_close(url):
    one = session()
    for _ in range(2):
        one.get(url, headers={"Connection": "close"})
        time.sleep(0.2)  # the server's FIN may come after its answer


def session_for_each_thread(url, count):
    """Twice so many threads at once."""
    for _ in range(2):
        threads = [threading.Thread(target=lambda: session().get(url)) for _ in range(int(count))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def fork_when_closed(url):
    """As a server does that loads the program before it forks its workers."""
    one = session()
    one.get(url)
    one.close()
    child = os.fork()
    if child == 0:
        one.get(url)
        os._exit(0)
    os.waitpid(child, 0)


def renew_after_errors(url, *paths):
    """A client anew whenever a request fails."""
    one = None
    for path in paths:
        one = one or session()
        try:
            one.get(url + path)
        except requests.ConnectionError:
            one.close()
            one = None


def in_library(folder, function, url):
    """A library of the folder does it."""
    sys.path.append(folder)
    library = __import__("library")
    for _ in range(3):
        getattr(library, function)(url)


def two_threads(url):
    one = session()
    one.get(url)
    thread = threading.Thread(target=one.get, args=(url,))
    thread.start()
    thread.join()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
