"""Model files that come with Caveat, each with its digest. `NOTICE` says what they derive from."""

import hashlib
import json
from importlib.resources import files

from caveat.screens.errors import ClassifierFileError

CLASSIFIER = "classifier.npz"


def shipped(name: str = CLASSIFIER) -> bytes:
    """The file, where it is the one that the manifest names. Raises `ClassifierFileError` where it is not."""
    folder = files(__package__ or "caveat.screens.models")
    try:
        manifest = json.loads(folder.joinpath("manifest.json").read_bytes())
        data = folder.joinpath(name).read_bytes()
        expected = manifest["files"][name]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClassifierFileError(f"the model file `{name}` is not there or not in the manifest") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise ClassifierFileError(f"the model file `{name}` is not the one that the manifest names")
    return data
