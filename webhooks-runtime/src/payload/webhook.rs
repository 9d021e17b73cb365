//! The webhook that sent a payload.

use std::fmt;

use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

/// The version of the payload that these types describe.
pub(super) const VERSION: u32 = 3;

/// The expected version of a payload, as error messages describe it.
#[derive(Debug)]
pub(crate) struct ExpectedVersion;

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {VERSION}, the only version of the payload that this server reads")
    }
}

/// The webhook that sent a payload.
///
/// ```
/// use webhooks_runtime::serde_json::{self, json};
/// use webhooks_runtime::testing::dataset_commit;
/// use webhooks_runtime::{WebhookPayload, WebhookPayloadWebhook};
///
/// let payload: WebhookPayload = dataset_commit().into();
/// assert_eq!(payload.webhook.version, 3);
///
/// let later = json!({ "id": payload.webhook.id, "version": 4 });
/// assert!(serde_json::from_value::<WebhookPayloadWebhook>(later).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "The webhook that sent a payload.")]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadWebhook {
    /// The id of the webhook, as in its URL on the Hub.
    #[schema(required = false)]
    pub id: String,
    /// The version of the payload: 3. A payload with any other version is rejected, because the meaning of the other
    /// fields may have changed.
    #[serde(deserialize_with = "version")]
    #[schema(schema_with = version_schema, required = false)]
    pub version: u32,
}

/// Returns a schema that allows only this version.
fn version_schema() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::Integer)
        .description(Some("The version of the payload."))
        .enum_values(Some([VERSION]))
        .build()
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    /// Accepts only this version. The error for any other value names it.
    struct VersionVisitor;

    impl Visitor<'_> for VersionVisitor {
        type Value = u32;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Display::fmt(&ExpectedVersion, f)
        }

        fn visit_u64<E: de::Error>(self, version: u64) -> Result<u32, E> {
            if version == u64::from(VERSION) {
                Ok(VERSION)
            } else {
                Err(E::invalid_value(Unexpected::Unsigned(version), &self))
            }
        }
    }

    deserializer.deserialize_u64(VersionVisitor)
}
