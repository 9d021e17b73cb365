//! Several processes that share deliveries in PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

const SHORT_LEASE: (&str, &str) = ("LEASE_SECONDS", "1");

macro_rules! in_postgres {
    ($($name:ident)*) => {
        mod in_postgres {
            $(#[test]
            #[ignore = "needs PostgreSQL"]
            fn $name() {
                tests::background::repeated(|| super::$name(&tests::background::Place::database()));
            })*
        }
    };
}

mod failures;
mod sharing;
