"""`conntrace doctor`: can it work here, and is it at work."""
