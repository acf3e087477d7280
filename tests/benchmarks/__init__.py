"""What the promises of speed are measured by: `make bench`. Not collected as tests."""
