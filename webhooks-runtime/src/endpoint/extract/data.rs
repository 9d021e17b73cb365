//! The `web::Data<T>` that a function takes, so that a missing one is reported at start-up.
//!
//! `Arg::<T>::NEW.data()` is the method below for a `web::Data<T>`, also behind an alias, and that of
//! [`OtherData`] for all other types (see `kind`).

use std::any::{TypeId, type_name};
use std::fmt;

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::kind::Arg;

/// A `web::Data<T>` that a function takes.
#[derive(Clone, Copy)]
pub struct RequiredData {
    /// The `T`.
    pub(crate) type_name: &'static str,
    /// The type of the whole `web::Data<T>`.
    pub(crate) type_id: TypeId,
    /// Returns whether the app of a request has it.
    pub(crate) is_available: fn(&HttpRequest) -> bool,
}

impl fmt::Debug for RequiredData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequiredData({})", self.type_name)
    }
}

impl<T: ?Sized + 'static> Arg<Data<T>> {
    /// Returns the data.
    #[must_use]
    pub fn data(self) -> Option<RequiredData> {
        Some(RequiredData {
            type_name: type_name::<T>(),
            type_id: TypeId::of::<Data<T>>(),
            is_available: |request| request.app_data::<Data<T>>().is_some(),
        })
    }
}

/// `data()` for all other arguments.
pub trait OtherData {
    /// Returns `None`.
    fn data(&self) -> Option<RequiredData> {
        None
    }
}

impl<T> OtherData for Arg<T> {}

/// Collects the data that the arguments of a function require.
#[must_use]
pub fn required_data<const N: usize>(arguments: [Option<RequiredData>; N]) -> Vec<RequiredData> {
    arguments.into_iter().flatten().collect()
}
