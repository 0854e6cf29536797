"""What the gateway costs on this machine, over loopback, before an upstream that costs almost nothing.

Laws of the room: every figure comes with the count behind it; a bare pass-through on the same stack is run
in the same minute as the limit; nothing here runs longer than ten seconds, and every process that was
started is stopped.
"""
