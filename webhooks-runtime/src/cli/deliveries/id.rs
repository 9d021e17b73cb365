//! The id of a delivery, or its beginning.

use std::str::FromStr;

use uuid::Uuid;

use super::failed;
use crate::jobs::{Jobs, StoreError};

/// How many digits an id has.
const DIGITS: usize = 32;

/// An id, or the digits that it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdPrefix {
    /// As a person wrote it.
    text: String,
    /// The first and the last id that begin so.
    first: Uuid,
    last: Uuid,
}

/// A text that no id begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id is made of the digits 0-9 and a-f, such as 0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84; its first digits \
     are enough when no other begins with them"
)]
pub(super) struct NotAnId;

impl FromStr for IdPrefix {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits: String = text.chars().filter(|digit| *digit != '-').collect();
        if digits.is_empty() || digits.len() > DIGITS {
            return Err(NotAnId);
        }
        let filled = |filler: char| {
            let mut digits = digits.clone();
            digits.extend(std::iter::repeat_n(filler, DIGITS - digits.len()));
            Uuid::try_parse(&digits).map_err(|_| NotAnId)
        };
        Ok(Self { text: text.to_owned(), first: filled('0')?, last: filled('f')? })
    }
}

/// Why no delivery is meant.
#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    #[error("There is no delivery {id} in {store}.")]
    None { id: String, store: String },
    #[error(
        "Several deliveries begin with {id}, among them {first} and {second}. Write more of the id."
    )]
    Several { id: String, first: Uuid, second: Uuid },
    #[error("{0}")]
    Store(String),
}

impl From<StoreError> for FindError {
    fn from(error: StoreError) -> Self {
        Self::Store(failed(error).to_string())
    }
}

impl IdPrefix {
    /// The error that there is no such delivery.
    pub(super) fn gone(&self, jobs: &Jobs) -> FindError {
        FindError::None { id: self.text.clone(), store: jobs.name().to_owned() }
    }

    /// The delivery whose id begins so.
    pub(super) async fn find(&self, jobs: &Jobs) -> Result<Uuid, FindError> {
        let found = jobs.find(self.first, self.last, 2).await?;
        match found[..] {
            [] => Err(self.gone(jobs)),
            [id] => Ok(id),
            [first, second, ..] => Err(FindError::Several { id: self.text.clone(), first, second }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_cut_anywhere() {
        let id = "0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84";
        let whole: IdPrefix = id.parse().unwrap();
        assert_eq!((whole.first, whole.last), (id.parse().unwrap(), id.parse().unwrap()));
        for end in 1..id.len() {
            let prefix: IdPrefix = id[..end].to_uppercase().parse().unwrap();
            assert!(prefix.first <= whole.first && whole.first <= prefix.last, "{end}");
        }
        for wrong in ["", "-", "seven", "0198g", &format!("{id}0"), "0198 f0c2"] {
            assert_eq!(wrong.parse::<IdPrefix>(), Err(NotAnId), "{wrong}");
        }
    }
}
