"""Who gets which machine and which of its devices, and why not: facts in, decision out; pure, without I/O."""
