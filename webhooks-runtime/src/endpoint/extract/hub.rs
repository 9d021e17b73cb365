//! Whether a function takes a `Hub`. The type is that of a module above this one, which implements the rules for
//! arguments for it.
//!
//! `Arg::<T>::NEW.takes_hub()` is the method that `hub/` defines for a `Hub`, also behind an alias, and that of
//! [`OtherHub`] for all other types (see `kind`).

use super::kind::Arg;

/// `takes_hub()` for all other arguments.
pub trait OtherHub {
    /// Returns `false`.
    fn takes_hub(&self) -> bool {
        false
    }
}

impl<T> OtherHub for Arg<T> {}
