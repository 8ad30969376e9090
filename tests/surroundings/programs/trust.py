"""`trust.py TOOL ORDER TRUSTED UNKNOWN`: the system's trust store in place of certifi's.

TOOL is `truststore`, or `pip_system_certs`, which is there from the interpreter's start. ORDER is
as in `tools.py`. Of the two HTTPS servers the system trusts the first.
"""

import contextlib
import ssl
import sys
import urllib.request

TOOL, ORDER, TRUSTED, UNKNOWN = sys.argv[1:5]


def inject():
    if TOOL == "truststore":
        import truststore

        truststore.inject_into_ssl()


def work():
    import requests
    import urllib3

    pool = urllib3.PoolManager(retries=False)
    with requests.Session() as session:
        for url in (TRUSTED, UNKNOWN):
            for get in (
                lambda url=url: [pool.request("GET", url).data for _ in range(2)],
                lambda url=url: [session.get(url).content for _ in range(2)],
                lambda url=url: urllib.request.urlopen(url).read(),
            ):
                try:
                    print(get())
                except OSError as error:
                    reason = getattr(error, "reason", error)
                    print(type(error).__name__, "CERTIFICATE_VERIFY_FAILED" in str(reason))
                except urllib3.exceptions.HTTPError as error:
                    print(type(error).__name__, "CERTIFICATE_VERIFY_FAILED" in str(error))
    print(ssl.SSLContext.__module__.rpartition("truststore")[1])


def main():
    with contextlib.ExitStack() as stack:
        if ORDER == "tool first":
            inject()
        if ORDER != "alone":
            from conntrace.testing import capture

            stack.enter_context(capture())
        if ORDER != "tool first":
            inject()
        work()


main()
