"""`make screenshots`: every page of the console, light, dark, at 200 % and as wide as a phone."""

import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.browser import chromium, seat
from tests.support.console_tour import every_page, file_name, toured
from tests.support.overseers import Clock
from tests.support.scripted_upstream import scripted_upstream

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    # 200 % of a window of 1280: half as many pixels of the style sheet, each twice as large.
    "zoomed": {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True},
}


def main(folder: Path) -> None:
    """Writes the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    with (
        tempfile.TemporaryDirectory() as data,
        scripted_upstream() as upstream,
        toured(Path(data), upstream.url, Clock(), port) as at,
        chromium() as browser,
    ):
        counter = 0
        for look, options in LOOKS.items():
            with seat(browser, at.base, **options) as dana:
                dana.has(at.dana, counter := counter + 10)
                for name in every_page(dana, at):
                    dana.page.screenshot(path=file_name(folder, name, look), full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
