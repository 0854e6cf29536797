"""The console over HTTP: people sign in with a passkey, read what waits, and decide.

Laws: nothing is approved but by a signed statement, and a session is none; a form that is not the session's
own changes nothing; an answer loads nothing from elsewhere, is framed by nobody and kept by nobody.
"""
