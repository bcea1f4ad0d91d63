"""Power and management over IPMI 2.0 (RMCP+); pyghmi does the cryptography and the messages, one thread drives it."""
