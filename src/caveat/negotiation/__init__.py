"""The negotiation of terms: who offered which terms to whom, when, and what became of it, as signed records.

Laws of the room: every act is signed by the party that it names, with a key pinned before the first act; an
act is recorded only if the protocol allows it, and read only if it did; a document from outside is `attested`
only where a check against a pinned key passed; a proof verifies offline from its file and the log's key, and
says what it assumes. Source: ADR-0020, `docs/reference/terms.md`.
"""
