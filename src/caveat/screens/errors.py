"""What can go wrong with a screen before it has read anything.

ScreenError
├── ClassifierFileError     a model file that is not what it should be
└── ClassifierMissingError  the library that computes scores is not installed
"""


class ScreenError(Exception):
    """A screen cannot be used. Never the same as having found nothing."""


class ClassifierFileError(ScreenError):
    """The file is no model, is broken or is another one than the manifest names."""


class ClassifierMissingError(ScreenError):
    """Says which extra is to be installed."""
