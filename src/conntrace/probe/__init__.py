"""`conntrace probe`: how an endpoint treats connections that stay idle."""
