"""The operator's file that says where people sign in: read strictly, and no secret in it or its errors."""

import pytest

from caveat.service.console_config import ConsoleConfigError, parse_console

GOOD = """
version = 1
url = "https://caveat.example"
[sign_in]
issuer = "https://id.example"
name = "The Records Office"
authorization_url = "https://id.example/authorize"
token_url = "https://id.example/token"
client_id = "caveat-console"
secret_env = "THE_SECRET"
"""


def test_a_good_file_says_where_and_takes_the_secret_from_the_environment() -> None:
    found = parse_console(GOOD.encode(), {"THE_SECRET": "hidden"})
    assert (found.back, found.secret) == ("https://caveat.example/console/sign-in/back", "hidden")
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("https://id.example/token", "http://id.example/token", "plain HTTP goes to this machine alone"),
        ("https://caveat.example", "http://caveat.example", "plain HTTP goes to this machine alone"),
        ("https://caveat.example", "https://caveat.example/x", "url"),
        ("version = 1", "version = 2", "version"),
        ("client_id", "client", "client"),
        ('secret_env = "THE_SECRET"', 'secret_env = "OTHER"', "has no `OTHER`"),
        ('secret_env = "THE_SECRET"', 'scope = "email"', "the word `openid`"),
        ("[sign_in]", "[sign_in", "no TOML"),
    ],
)
def test_a_file_that_may_not_be_used_says_why(old: str, new: str, why: str) -> None:
    with pytest.raises(ConsoleConfigError, match=why) as error:
        parse_console(GOOD.replace(old, new).encode(), {"THE_SECRET": "hidden"})
    assert "hidden" not in str(error.value)
