//! Makes a fault of an error of serde. Serde's texts quote the input, so a fault has texts of its own.

use serde_path_to_error::{Path, Segment};

use super::fault::{BodyFault, DUPLICATE, MISSING, PathSegment, loc};

impl BodyFault {
    /// Describes an error at a known path.
    pub(super) fn at_path(error: &serde_json::Error, path: &Path) -> Self {
        let Description { kind, field, msg } = Description::of(error);
        // Text that is not JSON is a fault of the whole body.
        let path = error.is_data().then_some(path);
        let steps = path.into_iter().flat_map(Path::iter).filter_map(|segment| match segment {
            Segment::Map { key } => Some((PathSegment::key(key), "*".to_owned())),
            Segment::Seq { index } => Some((PathSegment::Index(*index), index.to_string())),
            Segment::Enum { .. } | Segment::Unknown => None,
        });
        // The type declares this one.
        let field = field.map(|field| (PathSegment::Key(field.clone()), field));
        let (segments, log_path): (Vec<_>, Vec<_>) = steps.chain(field).unzip();
        Self { kind, loc: loc(segments), msg, log_path: log_path.join(".") }
    }

    /// Describes an error without a path, such as an extractor of actix-web reports: by its position.
    pub(crate) fn at_position(error: &serde_json::Error) -> Self {
        let Description { kind, field, msg } = Description::of(error);
        let msg = match field {
            Some(field) => format!("`{field}`: {msg}"),
            None => msg,
        };
        let msg = if error.is_data() {
            format!("Line {}, column {}: {msg}", error.line(), error.column())
        } else {
            msg
        };
        Self { kind, loc: loc([]), msg, log_path: String::new() }
    }
}

/// The content of a serde error, without the input that it quotes.
struct Description {
    kind: &'static str,
    /// The declared field that is missing, or present twice.
    field: Option<String>,
    msg: String,
}

impl Description {
    fn of(error: &serde_json::Error) -> Self {
        let position = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let text = text.strip_suffix(&position).unwrap_or(&text);
        if error.is_data() {
            return Self::of_data(text);
        }
        // The parser's texts do not quote the input.
        let msg = format!("The body is not valid JSON: {text}{position}.");
        Self { kind: "json_invalid", field: None, msg }
    }

    /// Recognizes the texts of the provided methods of `serde::de::Error`. A type's own text could quote the
    /// input, so nothing of it is used.
    fn of_data(text: &str) -> Self {
        let quoted = |prefix: &str| {
            text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('`')).map(str::to_owned)
        };
        if let Some(field) = quoted("missing field `") {
            return Self { kind: "missing", field: Some(field), msg: MISSING.to_owned() };
        }
        if let Some(field) = quoted("duplicate field `") {
            return Self { kind: "duplicate_field", field: Some(field), msg: DUPLICATE.to_owned() };
        }
        let kind = match text {
            _ if text.starts_with("invalid type: ") => "invalid_type",
            _ if text.starts_with("invalid value: ") => "invalid_value",
            _ if text.starts_with("invalid length ") => "invalid_length",
            _ if text.starts_with("unknown variant `") => "unknown_variant",
            _ if text.starts_with("unknown field `") => "unknown_field",
            _ => {
                let msg = "This value is not acceptable here.".to_owned();
                return Self { kind: "value_error", field: None, msg };
            }
        };
        let nothing_expected =
            text.ends_with(", there are no fields") || text.ends_with(", there are no variants");
        let msg = match text.rsplit_once(", expected ") {
            // The last part is what the type expects.
            Some((_, expected)) if !nothing_expected => format!("Expected {expected}."),
            _ => "This is not expected here.".to_owned(),
        };
        Self { kind, field: None, msg }
    }
}
