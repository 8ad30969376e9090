"""A function whose module raises."""

import no_such_module_anywhere


def handler(event, context):
    """Never reached."""
    return no_such_module_anywhere
