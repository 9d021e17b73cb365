//! The token for the Hub's router, which serves chat models and others.

use super::address::HUGGING_FACE;
use super::client::Hub;
use super::error::HubError;

impl Hub {
    /// Returns the token for `https://router.huggingface.co`, the router of Inference Providers: the client's own token, if
    /// its Hub is `https://huggingface.co`.
    ///
    /// The tokens of another Hub, which `HF_ENDPOINT` may name, are not for the router, and must not be sent there.
    ///
    /// ```
    /// use webhooks_runtime::Hub;
    ///
    /// let hub = Hub::new("https://huggingface.co", "hf_abcdef")?;
    /// assert_eq!(hub.router_token()?, "hf_abcdef");
    /// assert!(Hub::new("https://hub.example", "hf_abcdef")?.router_token().is_err());
    /// # Ok::<(), webhooks_runtime::HubError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the client's Hub is another one.
    pub fn router_token(&self) -> Result<String, HubError> {
        self.access.token_of_hugging_face().ok_or_else(|| {
            let address = self.address();
            let reason = format!(
                "is {address}, and https://router.huggingface.co takes tokens of {HUGGING_FACE} only"
            );
            HubError::setting("the Hub's address", &reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HubStub;

    #[test]
    fn the_token_of_another_hub_is_not_for_the_router() {
        for (address, is_hugging_face) in [
            ("https://huggingface.co/", true),
            ("http://huggingface.co", false),
            ("https://huggingface.co.evil.example", false),
            ("https://hub.example", false),
        ] {
            let token = Hub::new(address, "hf_abcdef").unwrap().router_token();
            assert_eq!(token.is_ok(), is_hugging_face, "{address}");
        }
        let error = HubStub::new().hub().router_token().unwrap_err().to_string();
        assert_eq!(
            error,
            "the Hub's address is https://hub.test, and https://router.huggingface.co takes tokens of \
             https://huggingface.co only"
        );
    }
}
