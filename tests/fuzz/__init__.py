"""A fuzzer for every reader of files from other programs."""
