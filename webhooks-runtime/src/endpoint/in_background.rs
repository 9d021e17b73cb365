//! What the attribute asks of the types of a function that runs in the background: each once and at the
//! user's type, as in [`arg`](super::arg) and [`reply`](super::reply).

use std::fmt;
use std::future::{self, Future};
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::web::Json;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use tracing::Span;

use super::arg::{Arg, FormKind, IsJson, JsonKind, PlainKind};
use super::background::{BackgroundArg, Sent, Shared, Task, TaskFailure, TaskFuture, unfit};
use super::blocking::Deferred;
use super::fault::{self, BodyFaults};
use super::panic::caught;
use super::reply::{self, EndpointError, Fallible, FallibleKind, Nothing, OneKind};

/// How one argument is taken from a task: as it is, or ready to go to the blocking pool. Of function
/// pointers, so that nothing is asked of `T` any more.
pub struct Taking<T> {
    take: fn(&Task) -> Result<T, TaskFailure>,
    defer: fn(&Task) -> Result<Deferred<T>, TaskFailure>,
}

impl<T> Taking<T> {
    /// Takes it.
    pub fn take(&self, task: &Task) -> Result<T, TaskFailure> {
        (self.take)(task)
    }

    /// Takes it for another thread.
    pub fn defer(&self, task: &Task) -> Result<Deferred<T>, TaskFailure> {
        (self.defer)(task)
    }
}

impl<T> fmt::Debug for Taking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Taking(…)")
    }
}

fn taking<T: BackgroundArg>() -> Taking<T> {
    Taking {
        take: T::take,
        defer: |task| {
            let value = T::take(task)?;
            Ok(Deferred::new(move || value))
        },
    }
}

impl FormKind {
    /// Never called.
    #[must_use]
    pub fn background<T: BackgroundArg>(self) -> Taking<T> {
        taking()
    }
}

#[expect(clippy::extra_unused_type_parameters, reason = "called for either kind of the name")]
impl PlainKind {
    /// How to take it in the background.
    #[must_use]
    pub fn background<T: BackgroundArg>(self) -> Taking<T> {
        taking()
    }

    /// The same for somebody else's type of the name `Json`, with what stands in its brackets.
    #[must_use]
    pub fn json_background<T: BackgroundArg, Inner>(self) -> Taking<T> {
        taking()
    }
}

impl JsonKind {
    /// How to take it in the background.
    #[must_use]
    pub fn background<T: BackgroundArg>(self) -> Taking<T> {
        taking()
    }

    /// The same where `Json<Inner>` is written out, so that the error can stand under `Inner`.
    #[must_use]
    pub fn json_background<T: IsJson<Inner>, Inner: for<'de> Deserialize<'de> + Sent>(
        self,
    ) -> Taking<T> {
        fn read<Inner: for<'de> Deserialize<'de>>(task: &Task) -> Result<Json<Inner>, TaskFailure> {
            fault::read(&task.body).map(Json).map_err(|fault| unfit(&fault.into()))
        }
        Taking {
            take: |task| read(task).map(T::from),
            defer: |task| {
                let value = read(task)?;
                Ok(Deferred::new(move || T::from(value)))
            },
        }
    }
}

impl<T: BackgroundArg> Arg<T> {
    /// Whether a body has it.
    ///
    /// # Errors
    ///
    /// The faults of one that hasn't.
    pub fn check(self, body: &[u8]) -> Result<(), BodyFaults> {
        T::check(body)
    }

    /// What it is called, when the server wasn't given it.
    #[must_use]
    pub fn missing(self, shared: &Shared) -> Option<&'static str> {
        T::missing(shared)
    }
}

/// `check()` and `missing()` for what cannot be an argument, which the compiler says where it is taken.
pub trait OtherBackgroundArg {
    /// Never called.
    ///
    /// # Errors
    ///
    /// None.
    fn check(&self, _body: &[u8]) -> Result<(), BodyFaults> {
        Ok(())
    }

    /// Never called.
    fn missing(&self, _shared: &Shared) -> Option<&'static str> {
        None
    }
}

impl<T> OtherBackgroundArg for Arg<T> {}

/// What the server wasn't given.
pub type Missing = Vec<&'static str>;

/// Collects what the arguments miss.
#[must_use]
pub fn missing<const N: usize>(arguments: [Option<&'static str>; N]) -> Missing {
    arguments.into_iter().flatten().collect()
}

/// What a background endpoint may return: nothing, or a `Result<(), E>` where `E` is an
/// [`EndpointError`]. `Kind` is always inferred.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, tag_deleted};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// /// Fails, and is tried again: three times in all.
/// #[webhook_endpoint(background(attempts = 3, backoff = "1m"))]
/// async fn release(_payload: WebhookPayload) -> anyhow::Result<()> {
///     anyhow::bail!("the registry is down")
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(release::endpoint()))?;
/// let response = client.post(release::PATH, tag_deleted()).send();
/// assert_eq!(response.status(), 202); // whatever becomes of it later
/// assert_eq!(response.cause(), Some("the registry is down"));
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a background endpoint",
    label = "nobody is answered with it",
    note = "the request was answered before the function runs, so it returns nothing, or `Result<(), E>` with an error",
    note = "remove `background` to answer requests with it"
)]
pub trait BackgroundReply<Kind> {
    /// How the function ended.
    #[doc(hidden)]
    fn end(self) -> Result<(), TaskFailure>;
}

impl BackgroundReply<Nothing> for () {
    fn end(self) -> Result<(), TaskFailure> {
        Ok(())
    }
}

impl<T, E, Kind, ErrorKind> BackgroundReply<Fallible<(Kind, ErrorKind)>> for Result<T, E>
where
    T: BackgroundReply<Kind>,
    E: EndpointError<ErrorKind>,
{
    fn end(self) -> Result<(), TaskFailure> {
        match self {
            Ok(value) => value.end(),
            Err(error) => Err(TaskFailure::of(&*error.into_boxed())),
        }
    }
}

impl reply::JsonKind {
    /// How the function ended.
    pub fn end<R: BackgroundReply<Kind>, Kind>(self, reply: R) -> Result<(), TaskFailure> {
        reply.end()
    }
}

#[expect(clippy::extra_unused_type_parameters, reason = "called for either kind of the names")]
impl OneKind {
    /// How the function ended.
    pub fn end<R: BackgroundReply<Kind>, Kind>(self, reply: R) -> Result<(), TaskFailure> {
        reply.end()
    }

    /// The same for somebody else's type of the name `Result`, with what stands in its brackets.
    pub fn result_end<T, E, R: BackgroundReply<Kind>, Kind>(
        self,
        reply: R,
    ) -> Result<(), TaskFailure> {
        reply.end()
    }
}

impl FallibleKind {
    /// How the function ended.
    pub fn end<R: BackgroundReply<Kind>, Kind>(self, reply: R) -> Result<(), TaskFailure> {
        reply.end()
    }

    /// The same where `Result<T, E>` is written out, so that an error can stand under either.
    pub fn result_end<T: BackgroundReply<Kind>, E: EndpointError<ErrorKind>, Kind, ErrorKind>(
        self,
        reply: Result<T, E>,
    ) -> Result<(), TaskFailure> {
        reply.end()
    }
}

/// The future of an `async fn`, in a box whose type asks nothing of the future any more.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The types of all arguments, in a tuple.
#[derive(Debug)]
pub struct Args<T>(PhantomData<T>);

impl<T> Args<T> {
    /// A value to call `future()` of.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Send> Args<T> {
    /// Makes the function's future ready to run.
    pub fn future<F>(self, future: F) -> Boxed<F::Output>
    where
        F: Future + Send + 'static, // for it runs on the background's own threads, not on its request's
    {
        Box::pin(future)
    }
}

/// `future()` for arguments of which one isn't `Send`. The compiler says so of the argument, and needn't
/// say it again of the future that holds it.
pub trait OtherArgs {
    /// Never called.
    fn future<F: Future<Output: 'static>>(&self, _future: F) -> Boxed<F::Output> {
        Box::pin(future::pending())
    }
}

impl<T> OtherArgs for Args<T> {}

/// Runs a function on the blocking pool, inside the caller's span. A panic goes on in the caller.
pub fn blocking(
    task: Task,
    function: impl FnOnce() -> Result<(), TaskFailure> + Send + 'static,
) -> TaskFuture {
    let Task { on_thread, .. } = task;
    on_thread.set();
    let span = Span::current();
    Box::pin(async move {
        match spawn_blocking(move || caught(|| span.in_scope(function))).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(panic)) => panic.resume(),
            // The runtime is being stopped by force.
            Err(stopped) => Err(TaskFailure::of(&stopped)),
        }
    })
}
