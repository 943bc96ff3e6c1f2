"""The message log: every message of a run in one Arrow IPC stream. `schema` says what it holds."""
