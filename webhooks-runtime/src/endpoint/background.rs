//! Functions that run in the background: what they may take and return, and how they are called once
//! their delivery was answered.
//!
//! There is no request any more, so an argument comes from the body, from the delivery, or from the
//! server's [`Shared`] values. The future goes to a runtime of its own, so it is `Send`.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web::{Bytes, Data, Json};
use serde::de::DeserializeOwned;

use super::delivery::Delivery;
use super::fault::{self, BodyFaults};
use super::permanent;
use crate::payload::WebhookPayload;

/// How a function's deliveries are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often one is tried before it is dead.
    pub(crate) attempts: u32,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
    /// How many run at the same time, over all replicas.
    pub(crate) concurrency: u32,
    /// How long to wait after the first attempt that failed. It doubles with each further one.
    pub(crate) shortest_backoff: Duration,
    /// The longest that it gets.
    pub(crate) longest_backoff: Duration,
    /// For how long after its arrival a delivery's id is taken for a retry of it.
    pub(crate) dedup_window: Duration,
}

impl Policy {
    /// What holds where the attribute says nothing.
    pub const DEFAULT: Self = Self {
        attempts: 5,
        timeout: Duration::from_secs(24 * 60 * 60),
        concurrency: 16,
        shortest_backoff: Duration::from_secs(10),
        longest_backoff: Duration::from_secs(30 * 60),
        dedup_window: Duration::from_secs(2 * 60),
    };

    /// `attempts = …`
    #[must_use]
    pub const fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// `timeout = …`, in milliseconds.
    #[must_use]
    pub const fn timeout(self, milliseconds: u64) -> Self {
        Self { timeout: Duration::from_millis(milliseconds), ..self }
    }

    /// `concurrency = …`
    #[must_use]
    pub const fn concurrency(self, concurrency: u32) -> Self {
        Self { concurrency, ..self }
    }

    /// `backoff = …`, in milliseconds.
    #[must_use]
    pub const fn backoff(self, shortest: u64, longest: u64) -> Self {
        Self {
            shortest_backoff: Duration::from_millis(shortest),
            longest_backoff: Duration::from_millis(longest),
            ..self
        }
    }

    /// `dedup_window = …`, in milliseconds.
    #[must_use]
    pub const fn dedup_window(self, milliseconds: u64) -> Self {
        Self { dedup_window: Duration::from_millis(milliseconds), ..self }
    }
}

/// Values that were given to the server with `.data(…)`, by their type.
#[derive(Clone, Default)]
pub struct Shared(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Shared {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: Data<T>) {
        self.0.insert(TypeId::of::<Data<T>>(), Arc::new(value));
    }

    fn get<T: Send + Sync + 'static>(&self) -> Option<&Data<T>> {
        self.0.get(&TypeId::of::<Data<T>>())?.downcast_ref()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} values)", self.0.len())
    }
}

/// A delivery that is to be run.
#[derive(Clone, Debug)]
pub struct Task {
    pub(crate) body: Bytes,
    pub(crate) delivery: Delivery,
    pub(crate) shared: Arc<Shared>,
    pub(crate) on_thread: OnThread,
}

/// Whether a function runs on a thread of the blocking pool, which cannot be stopped: its future is then
/// awaited to its end, and an `async fn`'s future may be dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnThread(Arc<AtomicBool>);

impl OnThread {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A function's run.
pub type TaskFuture = Pin<Box<dyn Future<Output = Result<(), TaskFailure>> + Send>>;

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// The error with its causes.
    pub(crate) text: String,
    /// Whether it would fail again.
    pub(crate) permanent: bool,
}

impl TaskFailure {
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        Self { text: permanent::causes(error), permanent: permanent::is_permanent(error) }
    }
}

/// What an endpoint needs to run in the background, as the attribute writes it.
#[derive(Clone, Copy)]
pub struct Background {
    pub(crate) policy: Policy,
    /// Whether a body is what the function takes.
    pub(crate) check: fn(&[u8]) -> Result<(), BodyFaults>,
    /// What the function takes that the server wasn't given.
    pub(crate) missing: fn(&Shared) -> Vec<&'static str>,
    pub(crate) run: fn(Task) -> TaskFuture,
}

impl Background {
    /// For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(
        policy: Policy,
        check: fn(&[u8]) -> Result<(), BodyFaults>,
        missing: fn(&Shared) -> Vec<&'static str>,
        run: fn(Task) -> TaskFuture,
    ) -> Self {
        Self { policy, check, missing, run }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// What may be an argument of an endpoint that runs in the background: what is still there when its
/// request is gone, which is a [`WebhookPayload`], a [`Json<T>`], a [`Delivery`] and a [`Data<T>`]. Several
/// of them may read the body.
///
/// A `Data<T>` comes from [`WebhooksServer::data`]; without it the server doesn't start. What
/// [`WebhooksServer::configure`] adds belongs to the app that answers requests, and isn't there in the
/// background.
///
/// ```
/// use std::sync::Mutex;
///
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{Delivery, WebhookPayload, WebhooksServer, web, webhook_endpoint};
///
/// type Seen = Mutex<Vec<String>>;
///
/// #[webhook_endpoint(background)]
/// async fn index(payload: WebhookPayload, delivery: Delivery, seen: web::Data<Seen>) {
///     println!("attempt {} of {}", delivery.attempt, delivery.max_attempts);
///     seen.lock().unwrap().push(payload.repo.name);
/// }
///
/// let server = WebhooksServer::empty().endpoint(index::endpoint()).data(Seen::default());
/// let response = TestClient::new(server)?.post(index::PATH, dataset_commit()).send();
/// assert_eq!(response.status(), 202);
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
///
/// [`WebhooksServer::data`]: crate::WebhooksServer::data
/// [`WebhooksServer::configure`]: crate::WebhooksServer::configure
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a background endpoint",
    label = "not there when the function runs",
    note = "a background endpoint runs after its request was answered: an argument is a `WebhookPayload`, `web::Json<T>`, `web::Data<T>` or a `Delivery`, each by value",
    note = "remove `background` to take anything that a request holds"
)]
pub trait BackgroundArg: Sized + Send + 'static {
    /// Whether a body has it.
    #[doc(hidden)]
    fn check(_body: &[u8]) -> Result<(), BodyFaults> {
        Ok(())
    }

    /// What it is called, when the server wasn't given it.
    #[doc(hidden)]
    fn missing(_shared: &Shared) -> Option<&'static str> {
        None
    }

    /// Takes it.
    #[doc(hidden)]
    fn take(task: &Task) -> Result<Self, TaskFailure>;
}

/// What may come out of the body of a background delivery.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken by a background endpoint, because it cannot be sent to another thread",
    label = "not `Send`",
    note = "a background endpoint runs on threads of its own, so that it cannot slow down the server"
)]
pub trait Sent: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> Sent for T {}

/// What a background endpoint may share with others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared with a background endpoint, because it cannot be used by several threads",
    label = "holds what is not `Send` and `Sync`",
    note = "a background endpoint runs on threads of its own, and takes what was given to the server with `.data(…)`"
)]
pub trait SharedValue: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> SharedValue for T {}

impl BackgroundArg for WebhookPayload {
    fn check(body: &[u8]) -> Result<(), BodyFaults> {
        fault::read_payload(body).map(|_| ())
    }

    fn take(task: &Task) -> Result<Self, TaskFailure> {
        match fault::parse_payload(&task.body) {
            Ok(read) => Ok(read.payload),
            Err(faults) => Err(unfit(&faults)),
        }
    }
}

impl<T: DeserializeOwned + Sent> BackgroundArg for Json<T> {
    fn check(body: &[u8]) -> Result<(), BodyFaults> {
        fault::read::<T>(body).map(|_| ()).map_err(BodyFaults::from)
    }

    fn take(task: &Task) -> Result<Self, TaskFailure> {
        fault::read(&task.body).map(Json).map_err(|fault| unfit(&fault.into()))
    }
}

impl<T: SharedValue> BackgroundArg for Data<T> {
    fn missing(shared: &Shared) -> Option<&'static str> {
        shared.get::<T>().is_none().then(type_name::<T>)
    }

    fn take(task: &Task) -> Result<Self, TaskFailure> {
        task.shared.get::<T>().cloned().ok_or_else(|| TaskFailure {
            text: format!("web::Data<{}> was not given to the server", type_name::<T>()),
            permanent: false,
        })
    }
}

impl BackgroundArg for Delivery {
    fn take(task: &Task) -> Result<Self, TaskFailure> {
        Ok(task.delivery.clone())
    }
}

/// A body that was accepted by a program whose function took another shape. The next version of the
/// program may take it again, so it isn't a permanent fault.
pub(super) fn unfit(faults: &BodyFaults) -> TaskFailure {
    TaskFailure {
        text: format!("the payload doesn't fit what the function takes now: {faults}"),
        permanent: false,
    }
}
