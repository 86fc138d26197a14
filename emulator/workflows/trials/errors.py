"""What is wrong with a TestState request."""


class InvalidTrial(ValueError):
    """The request is wrong; the text is the message of the ValidationException."""
