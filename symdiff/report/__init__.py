"""Tables, records and summaries: pure functions of what was compared."""
