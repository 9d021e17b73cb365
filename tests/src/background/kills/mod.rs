//! Deliveries with keys while servers are killed: who sends them, who decides about them, and what proves afterwards
//! that the promises of the guide were kept.

mod evidence;
mod people;
mod senders;
mod summary;

pub use evidence::Evidence;
pub use people::People;
pub use senders::{FUNCTIONS, Kind, LinkRoute, Repo, Senders, Sent};
