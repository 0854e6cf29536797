"""Who is calling: API keys, tokens and certificates, each bound to one registered deployment.

A caller is known only where every credential that it shows holds, and all of them speak for the same
deployment. Whatever cannot be checked is refused, never left out of account. Source: ADR-0023.
"""
