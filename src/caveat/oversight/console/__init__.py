"""The console's pages: from values to HTML that cannot run, link or style anything of what it shows. Pure.

Laws: every value is escaped where it is put, and what shows nothing is spelt out first; a value that a page
asks for and does not get is an error, never a blank; nothing is loaded from elsewhere.
"""
