"""Drivers: verified evidence by digest, issued API keys, and bundle folders as bytes.

Laws of the room: only a verified envelope can be stored, by type; what is acknowledged is on disk; a store
answers with bytes, which are checked again at every use, so a store that lies can only withhold.
"""
