"""Attacks by family: how an adversary with certain powers forms what he sends.

A family is one small class. It knows the use, its benign twin and the layers, as an adversary would; it holds
no key but what its powers give it, and it never sees an answer: the search does. Source: ADR-0032.
"""
