"""Programs under `conntrace run`, over real sockets and real TLS."""
