"""Other people's test suites as judges: the same result test by test, plain and traced."""
