"""From layers of real numbers, whatever file they came from, to frozen stages of integers."""
