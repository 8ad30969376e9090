"""The examples of deployment, each by its own tool, and the page on Lambda."""
