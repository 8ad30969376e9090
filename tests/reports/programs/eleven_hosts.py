"""Two rounds over eleven hosts with one PoolManager that keeps ten pools."""

import urllib3
from serving import serve

port = serve(host="0.0.0.0")
manager = urllib3.PoolManager(num_pools=10)
for _ in range(2):
    for host in range(1, 12):
        manager.request("GET", f"http://127.0.0.{host}:{port}/")
