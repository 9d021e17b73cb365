//! The values that a function takes as `web::Data<T>`, so that a missing one is found at start-up.
//!
//! The attribute asks each argument at its own type, which only the compiler knows: `Arg::<T>::NEW.needs()`
//! is the method below for a `web::Data<T>`, whatever it is called in the program, and that of
//! [`OtherNeeds`] for the rest.

use std::any::{TypeId, type_name};
use std::fmt;

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::arg::Arg;

/// A `web::Data<T>` that a function takes.
#[derive(Clone, Copy)]
pub struct Need {
    /// What is in the brackets of `web::Data<…>`.
    pub(crate) type_name: &'static str,
    /// The type of the whole `web::Data<…>`.
    pub(crate) type_id: TypeId,
    /// Whether the app that a request goes to has it.
    pub(crate) is_met: fn(&HttpRequest) -> bool,
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Need({})", self.type_name)
    }
}

/// All that a function needs.
pub type Needs = Vec<Need>;

impl<T: ?Sized + 'static> Arg<Data<T>> {
    /// What it needs.
    #[must_use]
    pub fn needs(self) -> Option<Need> {
        Some(Need {
            type_name: type_name::<T>(),
            type_id: TypeId::of::<Data<T>>(),
            is_met: |request| request.app_data::<Data<T>>().is_some(),
        })
    }
}

/// `needs()` for all other arguments.
pub trait OtherNeeds {
    /// Returns `None`.
    fn needs(&self) -> Option<Need> {
        None
    }
}

impl<T> OtherNeeds for Arg<T> {}

/// Collects what the arguments need.
#[must_use]
pub fn needs<const N: usize>(arguments: [Option<Need>; N]) -> Needs {
    arguments.into_iter().flatten().collect()
}
