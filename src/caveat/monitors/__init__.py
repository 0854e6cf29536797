"""What is counted over many uses: persons of one source, one-time ids. Pure folds over records.

Laws of the room: the same records give the same state on any machine, so start-up and an auditor re-derive
what the gateway held in memory; counting a use twice never counts its data twice; unknown is never zero.
"""
