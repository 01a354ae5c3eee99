"""The doors: one pure codec each. Bytes in, values out; values in, bytes out. No I/O, no clock, no Trio, no rooms."""
