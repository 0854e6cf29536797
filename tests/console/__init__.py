"""Tests of the console: in a real browser where there is one, and over plain HTTP everywhere."""
