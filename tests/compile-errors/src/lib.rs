//! Nothing but a place for the test in `tests/compile_fail.rs`, and for its cases in `compile_fail/`.
