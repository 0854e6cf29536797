"""One call of a model, provider-neutral: who asks, at which point of control, with which parts."""
