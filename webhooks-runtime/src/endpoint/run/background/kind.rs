//! Finds the rule for each argument of an annotated background function, in the way of
//! [`extract::kind`](crate::endpoint::extract::kind).

use std::fmt;

use actix_web::web::Json;
use serde::Deserialize;

use super::arg::{BackgroundArg, SendBody};
use super::checked_body::CheckedBody;
use super::task::{BackgroundTask, TaskFailure};
use crate::endpoint::extract::body::{self, BodyFaults};
use crate::endpoint::extract::kind::{Arg, FormArgKind, IsJson, JsonArgKind, PlainArgKind};
use crate::endpoint::run::blocking::Deferred;
use crate::endpoint::shared::SharedData;

/// How to extract one argument from a task: for an `async fn`, or for the blocking pool. It holds function
/// pointers, so that the generated code requires nothing of `T` anymore.
pub struct TaskExtractor<T> {
    extract: fn(&BackgroundTask) -> Result<T, TaskFailure>,
    defer: fn(&BackgroundTask) -> Result<Deferred<T>, TaskFailure>,
}

impl<T> TaskExtractor<T> {
    /// Extracts the argument.
    pub fn extract(&self, task: &BackgroundTask) -> Result<T, TaskFailure> {
        (self.extract)(task)
    }

    /// Extracts the argument for another thread.
    pub fn defer(&self, task: &BackgroundTask) -> Result<Deferred<T>, TaskFailure> {
        (self.defer)(task)
    }
}

impl<T> fmt::Debug for TaskExtractor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskExtractor(…)")
    }
}

fn extractor<T: BackgroundArg>() -> TaskExtractor<T> {
    TaskExtractor {
        extract: T::extract,
        defer: |task| {
            let value = T::extract(task)?;
            Ok(Deferred::new(move || value))
        },
    }
}

impl FormArgKind {
    /// Never called: a form is no [`BackgroundArg`], which is the compile error.
    #[must_use]
    pub fn background<T: BackgroundArg>(self) -> TaskExtractor<T> {
        extractor()
    }
}

#[expect(clippy::extra_unused_type_parameters, reason = "one call fits both types named `Json`")]
impl PlainArgKind {
    /// Returns how to extract it.
    #[must_use]
    pub fn background<T: BackgroundArg>(self) -> TaskExtractor<T> {
        extractor()
    }

    /// Returns how to extract a type of another crate that is named `Json`.
    #[must_use]
    pub fn json_background<T: BackgroundArg, Inner>(self) -> TaskExtractor<T> {
        extractor()
    }
}

impl JsonArgKind {
    /// Returns how to extract it.
    #[must_use]
    pub fn background<T: BackgroundArg>(self) -> TaskExtractor<T> {
        extractor()
    }

    /// Returns how to extract a `Json<Inner>`, with the error below `Inner`.
    #[must_use]
    pub fn json_background<T: IsJson<Inner>, Inner: for<'de> Deserialize<'de> + SendBody>(
        self,
    ) -> TaskExtractor<T> {
        fn read<Inner: for<'de> Deserialize<'de>>(
            task: &BackgroundTask,
        ) -> Result<Json<Inner>, TaskFailure> {
            body::read(&task.body).map(Json).map_err(|fault| TaskFailure::unreadable(&fault.into()))
        }
        TaskExtractor {
            extract: |task| read(task).map(T::from),
            defer: |task| {
                let value = read(task)?;
                Ok(Deferred::new(move || T::from(value)))
            },
        }
    }
}

impl<T: BackgroundArg> Arg<T> {
    /// Checks that the body has it.
    ///
    /// # Errors
    ///
    /// The faults of a body that does not.
    pub fn check(self, body: CheckedBody<'_>) -> Result<(), BodyFaults> {
        T::check(body)
    }

    /// Returns the type of the data that the server lacks for it.
    #[must_use]
    pub fn missing(self, shared: &SharedData) -> Option<&'static str> {
        T::missing(shared)
    }
}

/// `check()` and `missing()` for a type that cannot be an argument. The compile error is where it is extracted.
pub trait OtherBackgroundArg {
    /// Never called.
    ///
    /// # Errors
    ///
    /// None.
    fn check(&self, _body: CheckedBody<'_>) -> Result<(), BodyFaults> {
        Ok(())
    }

    /// Never called.
    fn missing(&self, _shared: &SharedData) -> Option<&'static str> {
        None
    }
}

impl<T> OtherBackgroundArg for Arg<T> {}

/// Collects the types of the data that the server lacks for the arguments.
#[must_use]
pub fn missing_data<const N: usize>(arguments: [Option<&'static str>; N]) -> Vec<&'static str> {
    arguments.into_iter().flatten().collect()
}
