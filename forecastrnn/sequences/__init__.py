"""Sequences on arrays: fitting, running, generating, decoding; no parameters are checked here."""
