"""One target under atheris, in a process of its own: `python -m tests.fuzz.one TARGET [OPTIONS]`."""

import sys

import atheris

with atheris.instrument_imports(include=["caveat"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzzes until the time is over, or until something escapes that is not the parser's own error."""
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
