//! A cloud in memory and a folder, for tests: fast, honest about state, and able to fail on demand.
