"""What can go wrong while a machine is set up.

CannotSetUp
"""


class CannotSetUp(Exception):
    """This machine lacks something that we may not, or cannot, provide. The text is one sentence with the remedy."""
