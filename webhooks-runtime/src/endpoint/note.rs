//! Defines the notes of an attempt to run a background function: what people should know of it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The most characters of the notes of an attempt.
const LONGEST: usize = 1000;

/// What a background function did, in a few words, as its return value. The page and the command `deliveries show` print
/// it. [`Delivery::note`](crate::Delivery::note) adds one while the function runs.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{Note, WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint(background)]
/// async fn train(payload: WebhookPayload) -> anyhow::Result<Note> {
///     let epochs = 3;
///     Ok(Note(format!("trained for {epochs} epochs")))
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(train::endpoint()))?;
/// let response = client.post(train::PATH, dataset_commit()).send();
/// assert_eq!(response.note(), Some("trained for 3 epochs"));
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: Cow<'static, str>,
}

/// Returns the note with this text.
///
/// ```
/// use webhooks_runtime::{Note, WebhookPayload, webhook_endpoint};
///
/// #[webhook_endpoint(background)]
/// async fn train(payload: WebhookPayload) -> Note {
///     Note("trained for 3 epochs")
/// }
/// ```
#[must_use]
#[allow(non_snake_case, reason = "it makes the type of the same name, as a tuple struct would")]
pub fn Note(text: impl Into<Cow<'static, str>>) -> Note {
    Note { text: text.into() }
}

impl Note {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// The notes of an attempt, in order: that of the check before it, and those of the function. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttemptNotes(Arc<Mutex<String>>);

impl AttemptNotes {
    /// Adds a note. What exceeds the longest text is cut.
    pub(crate) fn add(&self, note: &str) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut notes, note);
    }

    /// Returns all notes as one text, with the one that the end of the attempt adds.
    pub(crate) fn join(&self, end: Option<&str>) -> Option<String> {
        self.add(end.unwrap_or_default());
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!notes.is_empty()).then(|| notes.clone())
    }
}

/// Appends a note to others.
fn add(notes: &mut String, note: &str) {
    let note = note.trim();
    let left = LONGEST.saturating_sub(notes.chars().count());
    if note.is_empty() || left == 0 {
        return;
    }
    if !notes.is_empty() {
        notes.push_str("; ");
    }
    match note.char_indices().nth(left) {
        Some((end, _)) => {
            notes.push_str(&note[..end]);
            notes.push('…');
        }
        None => notes.push_str(note),
    }
}

/// Deliveries are equal whatever was noted about them so far.
impl PartialEq for AttemptNotes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AttemptNotes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_joined_in_their_order() {
        let notes = AttemptNotes::default();
        assert_eq!(notes.join(None), None);
        notes.clone().add("downloaded 2 files");
        notes.add(" ");
        notes.add("trained\n");
        let expected = "downloaded 2 files; trained; uploaded";
        assert_eq!(notes.join(Some("uploaded")).as_deref(), Some(expected));
        assert_eq!(AttemptNotes::default().join(Some("done")).as_deref(), Some("done"));
    }

    #[test]
    fn the_notes_of_a_function_that_notes_everything_have_a_bounded_length() {
        let notes = AttemptNotes::default();
        (0..1000).for_each(|_| notes.add(&"비".repeat(400)));
        let text = notes.join(Some("not there")).unwrap();
        assert!(text.chars().count() <= LONGEST + 10, "{text}");
        assert!(text.ends_with('…'), "{text}");
    }
}
