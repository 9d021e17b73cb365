//! Finds a delivery by its id or by the first digits of its id.

use std::fmt::Display;
use std::str::FromStr;

use uuid::Uuid;

use super::errors::failed;
use crate::jobs::{Jobs, StoreError};

/// The number of digits of an id.
const DIGITS: usize = 32;

/// An id, or its first digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdPrefix {
    /// The text on the command line.
    text: String,
    /// The first and the last id that start with these digits.
    first: Uuid,
    last: Uuid,
}

/// The error of a text that no id starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id consists of the digits 0-9 and a-f, like 0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84; its first digits \
     are enough if no other id starts with them"
)]
pub(super) struct InvalidId;

impl FromStr for IdPrefix {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits: String = text.chars().filter(|digit| *digit != '-').collect();
        if digits.is_empty() || digits.len() > DIGITS {
            return Err(InvalidId);
        }
        let filled = |filler: char| {
            let mut digits = digits.clone();
            digits.extend(std::iter::repeat_n(filler, DIGITS - digits.len()));
            Uuid::try_parse(&digits).map_err(|_| InvalidId)
        };
        Ok(Self { text: text.to_owned(), first: filled('0')?, last: filled('f')? })
    }
}

/// The error of an id that does not identify one delivery.
#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    #[error("There is no delivery {id} in {store}.")]
    None { id: String, store: String },
    #[error(
        "Several ids start with {id}, for example {first} and {second}. Write more digits of the id."
    )]
    Several { id: String, first: Uuid, second: Uuid },
    #[error("{0}")]
    Store(String),
}

impl FindError {
    /// Returns the error for a delivery that is no longer there.
    pub(super) fn none(id: &dyn Display, jobs: &Jobs) -> Self {
        Self::None { id: id.to_string(), store: jobs.name().to_owned() }
    }
}

impl From<StoreError> for FindError {
    fn from(error: StoreError) -> Self {
        Self::Store(failed(error).to_string())
    }
}

impl IdPrefix {
    /// Returns the error for an id that no delivery has.
    pub(super) fn not_found(&self, jobs: &Jobs) -> FindError {
        FindError::none(&self.text, jobs)
    }

    /// Finds the delivery whose id starts with these digits.
    pub(super) async fn find(&self, jobs: &Jobs) -> Result<Uuid, FindError> {
        let found = jobs.find(self.first, self.last, 2).await?;
        match found[..] {
            [] => Err(self.not_found(jobs)),
            [id] => Ok(id),
            [first, second, ..] => Err(FindError::Several { id: self.text.clone(), first, second }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_shortened_anywhere() {
        let id = "0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84";
        let whole: IdPrefix = id.parse().unwrap();
        assert_eq!((whole.first, whole.last), (id.parse().unwrap(), id.parse().unwrap()));
        for end in 1..id.len() {
            let prefix: IdPrefix = id[..end].to_uppercase().parse().unwrap();
            assert!(prefix.first <= whole.first && whole.first <= prefix.last, "{end}");
        }
        for wrong in ["", "-", "seven", "0198g", &format!("{id}0"), "0198 f0c2"] {
            assert_eq!(wrong.parse::<IdPrefix>(), Err(InvalidId), "{wrong}");
        }
    }
}
