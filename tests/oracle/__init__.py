"""The rules written a second time, naively, by reading the specification: slow, plain, and independent."""
