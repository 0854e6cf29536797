"""People who decide: what waits for them, what counts as a decision of theirs, and what they may stop. Pure.

Laws: a hold is opened by one record and let through at most once; nothing is approved by default, by time or
by error; an approval that was no review counts as none and says why; whoever asks never approves.
"""
