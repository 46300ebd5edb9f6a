"""What is compared and how: one Request, one set of Options, and the files they are read from."""
