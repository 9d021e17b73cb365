//! The objects of a payload. Each field is `required`, has a default (`or_empty`, `or(…)`), or is `optional`. An
//! element of a list has no defaults: it is dropped if it is incomplete.

use serde::de::{IgnoredAny, MapAccess};

use super::path::FieldStep;
use super::reader::{Empty, FieldValue, Lenient, Reader};
use crate::payload::{
    ObjectId, WebhookPayload, WebhookPayloadComment, WebhookPayloadDiscussion,
    WebhookPayloadDiscussionChanges, WebhookPayloadEvent, WebhookPayloadMovedTo,
    WebhookPayloadRepo, WebhookPayloadUpdatedConfig, WebhookPayloadUpdatedFile,
    WebhookPayloadUpdatedRef, WebhookPayloadUrl, WebhookPayloadWebhook,
};

/// Implements reading of an object. Each field has its name in JSON, and the method of [`Reader`] that handles its
/// value.
macro_rules! object {
    ($object:ident { $($field:ident $name:literal $method:ident $(($default:expr))?,)+ }) => {
        impl Empty for $object {
            fn empty() -> Self {
                let reader = &mut Reader::default();
                $(let $field = reader.$method(FieldValue::Absent $(, $default)?);)+
                Self { $($field),+ }
            }
        }

        impl Lenient for $object {
            const SHAPE: &'static str = "an object";

            fn object<'de, A: MapAccess<'de>>(
                members: A,
                reader: &mut Reader,
            ) -> Result<Option<Self>, A::Error> {
                members!(members, reader, $($field $name),+);
                $(
                    let $field = reader
                        .at(FieldStep::Name($name), |reader| reader.$method($field $(, $default)?));
                )+
                Ok(Some(Self { $($field),+ }))
            }
        }
    };
}

/// Implements reading of an element of a list. Each field has its name in JSON, and the method of [`FieldValue`] that
/// handles its value. The element is malformed if one of these methods returns `None`.
macro_rules! element {
    ($element:ident { $($field:ident $name:literal $method:ident,)+ }) => {
        impl Lenient for $element {
            const SHAPE: &'static str = "an object";

            fn object<'de, A: MapAccess<'de>>(
                members: A,
                reader: &mut Reader,
            ) -> Result<Option<Self>, A::Error> {
                members!(members, reader, $($field $name),+);
                let element = || Some(Self { $($field: $field.$method()?),+ });
                Ok(element())
            }
        }
    };
}

/// Reads the members of an object into variables with the names of the fields.
macro_rules! members {
    ($members:ident, $reader:ident, $($field:ident $name:literal),+) => {
        let mut members = $members;
        $(let mut $field = FieldValue::Absent;)+
        while let Some(key) = members.next_key::<String>()? {
            match key.as_str() {
                $(
                    $name => $reader.at(FieldStep::Name($name), |reader| {
                        reader.member(&mut $field, &mut members)
                    })?,
                )+
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
    };
}

object!(WebhookPayload {
    event "event" required,
    repo "repo" required,
    discussion "discussion" optional,
    comment "comment" optional,
    webhook "webhook" or_empty,
    moved_to "movedTo" optional,
    updated_refs "updatedRefs" optional,
    updated_config "updatedConfig" optional,
    updated_files "updatedFiles" optional,
    updated_files_truncated "updatedFilesTruncated" optional,
});

object!(WebhookPayloadEvent {
    action "action" required,
    scope "scope" required,
});

object!(WebhookPayloadRepo {
    repo_type "type" required,
    name "name" required,
    id "id" or_empty,
    // A repo that may be private must not be shown by mistake.
    private "private" or(true),
    url "url" or_empty,
    owner "owner" or_empty,
    head_sha "headSha" optional,
    subdomain "subdomain" optional,
    tags "tags" optional,
});

object!(ObjectId {
    id "id" or_empty,
});

object!(WebhookPayloadUrl {
    web "web" or_empty,
    api "api" optional,
});

object!(WebhookPayloadMovedTo {
    name "name" or_empty,
    owner "owner" or_empty,
});

object!(WebhookPayloadDiscussion {
    id "id" or_empty,
    num "num" or_empty,
    title "title" or_empty,
    author "author" or_empty,
    url "url" or_empty,
    is_pull_request "isPullRequest" or_empty,
    status "status" or_empty,
    changes "changes" optional,
    pinned "pinned" optional,
});

object!(WebhookPayloadDiscussionChanges {
    base "base" or_empty,
    merge_commit_id "mergeCommitId" optional,
});

object!(WebhookPayloadComment {
    id "id" or_empty,
    author "author" or_empty,
    content "content" optional,
    // The Hub leaves the content of a hidden comment out.
    hidden "hidden" or(content.is_none()),
    url "url" or_empty,
});

object!(WebhookPayloadUpdatedConfig {
    private "private" optional,
    xet_enabled "xetEnabled" optional,
});

object!(WebhookPayloadWebhook {
    id "id" or_empty,
    version "version" version,
});

element!(WebhookPayloadUpdatedRef {
    ref_name "ref" needed,
    old_sha "oldSha" nullable,
    new_sha "newSha" nullable,
});

element!(WebhookPayloadUpdatedFile {
    path "path" needed,
    action "action" needed,
    xet_hash "xetHash" extra,
    size "size" extra,
});
