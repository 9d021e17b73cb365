//! The rule for a JSON body of your own type. The server reads it instead of actix-web, so that a 422 has the
//! path of the fault.

use actix_web::web::Json;
use serde::de::DeserializeOwned;

use super::body::{self, BodyFault};

/// A JSON body of your own type: [`Json<T>`] where `T` is `Deserialize`.
///
/// A body that cannot be read as `T` is rejected with 422. The response has the path of the first fault, in the
/// keys that the caller sent, and what was expected there, but no value. The log has no keys of the body: each of
/// them is a `*` there, except for a missing field.
///
/// ```
/// use webhooks_runtime::serde::Deserialize;
/// use webhooks_runtime::serde_json::{Value, json};
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{WebhooksServer, web, webhook_endpoint};
///
/// #[derive(Deserialize)]
/// #[serde(crate = "webhooks_runtime::serde")]
/// struct Order {
///     item: String,
///     count: u32,
/// }
///
/// #[webhook_endpoint]
/// async fn order(order: web::Json<Order>) -> String {
///     format!("{} × {}", order.count, order.item)
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(order::endpoint()))?;
/// let response = client.post(order::PATH, json!({ "item": "GPU hour", "count": 3 })).send();
/// assert_eq!(response.text(), "3 × GPU hour");
///
/// let response = client.post(order::PATH, json!({ "item": "GPU hour", "count": "three" })).send();
/// assert_eq!(response.status(), 422);
/// assert_eq!(response.json::<Value>()?["detail"][0]["loc"], json!(["body", "count"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait JsonArg: Sized + 'static {
    /// Reads the body.
    #[doc(hidden)]
    fn read(body: &[u8]) -> Result<Self, BodyFault>;
}

impl<T: DeserializeOwned + 'static> JsonArg for Json<T> {
    fn read(body: &[u8]) -> Result<Self, BodyFault> {
        body::read(body).map(Json)
    }
}
