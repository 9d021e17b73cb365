//! Classifies the outcome of a request, as a label of a fixed set.

use actix_web::http::StatusCode;

use crate::http::outcome::{Outcome, Reason};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The function succeeded.
    Succeeded,
    /// The delivery was stored for the background.
    Accepted,
    /// The delivery was stored before.
    Duplicate,
    /// The function failed.
    Failed,
    SkippedOn,
    SkippedWatch,
    SkippedBranch,
    SkippedRefs,
    SkippedPaths,
    SkippedOwn,
    SkippedOther,
    BadRequest,
    SecretMissing,
    Forbidden,
    Timeout,
    TooLarge,
    UnsupportedBody,
    Invalid,
    Unavailable,
    RejectedOther,
}

impl Ending {
    pub(super) const ALL: [Self; 20] = [
        Self::Succeeded,
        Self::Accepted,
        Self::Duplicate,
        Self::Failed,
        Self::SkippedOn,
        Self::SkippedWatch,
        Self::SkippedBranch,
        Self::SkippedRefs,
        Self::SkippedPaths,
        Self::SkippedOwn,
        Self::SkippedOther,
        Self::BadRequest,
        Self::SecretMissing,
        Self::Forbidden,
        Self::Timeout,
        Self::TooLarge,
        Self::UnsupportedBody,
        Self::Invalid,
        Self::Unavailable,
        Self::RejectedOther,
    ];

    pub(super) fn of(outcome: &Outcome) -> Self {
        let status = outcome.response.status();
        match &outcome.reason {
            Some(Reason::Skipped(reason)) => Self::skipped(reason),
            Some(Reason::Rejected(_) | Reason::BadArgument(_)) => Self::rejected(status),
            Some(Reason::Failed(_)) => Self::Failed,
            None if status.is_server_error() => Self::Failed,
            None if status.is_client_error() => Self::rejected(status),
            None if outcome.delivery.is_none() => Self::Succeeded,
            None if status == StatusCode::ACCEPTED => Self::Accepted,
            None => Self::Duplicate,
        }
    }

    /// `reason` begins with the key of the attribute that the delivery does not match.
    fn skipped(reason: &str) -> Self {
        match reason.split(':').next() {
            Some("on") => Self::SkippedOn,
            Some("watch") => Self::SkippedWatch,
            Some("branch") => Self::SkippedBranch,
            Some("refs") => Self::SkippedRefs,
            Some("paths") => Self::SkippedPaths,
            Some("own") => Self::SkippedOwn,
            _ => Self::SkippedOther,
        }
    }

    fn rejected(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::BadRequest,
            StatusCode::UNAUTHORIZED => Self::SecretMissing,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedBody,
            StatusCode::UNPROCESSABLE_ENTITY => Self::Invalid,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            _ => Self::RejectedOther,
        }
    }

    /// Returns the values of the labels `outcome` and `reason`. An empty label counts as none.
    pub(super) fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Succeeded => ("succeeded", ""),
            Self::Accepted => ("accepted", ""),
            Self::Duplicate => ("duplicate", ""),
            Self::Failed => ("failed", ""),
            Self::SkippedOn => ("skipped", "on"),
            Self::SkippedWatch => ("skipped", "watch"),
            Self::SkippedBranch => ("skipped", "branch"),
            Self::SkippedRefs => ("skipped", "refs"),
            Self::SkippedPaths => ("skipped", "paths"),
            Self::SkippedOwn => ("skipped", "own"),
            Self::SkippedOther => ("skipped", "other"),
            Self::BadRequest => ("rejected", "bad_request"),
            Self::SecretMissing => ("rejected", "secret_missing"),
            Self::Forbidden => ("rejected", "forbidden"),
            Self::Timeout => ("rejected", "timeout"),
            Self::TooLarge => ("rejected", "too_large"),
            Self::UnsupportedBody => ("rejected", "unsupported_body"),
            Self::Invalid => ("rejected", "invalid"),
            Self::Unavailable => ("rejected", "unavailable"),
            Self::RejectedOther => ("rejected", "other"),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_ending_has_its_place_and_labels_of_its_own() {
        let mut labels: Vec<_> = Ending::ALL.iter().map(|ending| ending.labels()).collect();
        for (index, ending) in Ending::ALL.into_iter().enumerate() {
            assert_eq!(ending as usize, index);
        }
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Ending::ALL.len());
    }

    #[test]
    fn an_outcome_is_classified_by_its_reason_and_status_and_no_text_of_it_is_kept() {
        let response = |status| HttpResponse::new(StatusCode::from_u16(status).unwrap());
        let stored = |status| Outcome { delivery: Some(Uuid::nil()), ..response(status).into() };
        let rejected = |status| Outcome::rejected(response(status), "because");
        let skipped = |key: &str| Outcome {
            reason: Some(Reason::Skipped(format!("{key}: me/secret-repo").into())),
            ..response(200).into()
        };
        for (outcome, expected) in [
            (response(200).into(), Ending::Succeeded),
            (response(303).into(), Ending::Succeeded),
            (stored(202), Ending::Accepted),
            (stored(200), Ending::Duplicate),
            (response(500).into(), Ending::Failed),
            (Outcome::failed(response(502), Some("me/secret-repo".to_owned())), Ending::Failed),
            (response(418).into(), Ending::RejectedOther),
            (rejected(400), Ending::BadRequest),
            (rejected(401), Ending::SecretMissing),
            (rejected(403), Ending::Forbidden),
            (rejected(408), Ending::Timeout),
            (rejected(413), Ending::TooLarge),
            (rejected(415), Ending::UnsupportedBody),
            (rejected(422), Ending::Invalid),
            (rejected(503), Ending::Unavailable),
            (skipped("on"), Ending::SkippedOn),
            (skipped("watch"), Ending::SkippedWatch),
            (skipped("branch"), Ending::SkippedBranch),
            (skipped("refs"), Ending::SkippedRefs),
            (skipped("paths"), Ending::SkippedPaths),
            (skipped("own"), Ending::SkippedOwn),
            (skipped("me/secret-repo"), Ending::SkippedOther),
        ] {
            assert_eq!(Ending::of(&outcome), expected);
        }
    }
}
