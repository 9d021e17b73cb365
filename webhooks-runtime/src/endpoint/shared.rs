//! The values that functions share: those of the server's `.data(…)`, and those that a part of the server provides.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use actix_web::web::Data;

/// Values by type.
#[derive(Clone, Default)]
pub struct SharedData(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl SharedData {
    /// Adds a value of `.data(…)`.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: Data<T>) {
        self.provide(value);
    }

    /// Returns a value of `.data(…)`.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&Data<T>> {
        self.provided()
    }

    /// Adds a value that functions take as an argument of this type.
    pub(crate) fn provide<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// Returns the value of this type.
    pub(crate) fn provided<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

impl fmt::Debug for SharedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedData({} values)", self.0.len())
    }
}
