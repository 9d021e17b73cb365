//! The way to the Hub that all requests of a client share: its address, the token, the transport.

use super::address::{HUGGING_FACE, HubAddress};
use super::error::HubError;
use super::rejection::HubRejection;
use super::token::HubToken;
use super::transport::{ApiRequest, ApiResponse, HttpTransport, Transport};
use crate::config::environment::Environment;

/// Access to the Hub with the token of an account.
pub(super) struct HubAccess {
    address: HubAddress,
    token: HubToken,
    transport: Box<dyn Transport>,
}

impl HubAccess {
    /// Goes over the network, to an address with a token.
    pub(super) fn new(address: &str, token: &str) -> Result<Self, HubError> {
        let address = HubAddress::parse(address, "the Hub's address")?;
        Ok(Self::over_network(address, HubToken::new(token, "the Hub's token")?))
    }

    /// Goes over the network, with the token and the address of an environment.
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, HubError> {
        let address = HubAddress::from_environment(environment)?;
        Ok(Self::over_network(address, HubToken::from_environment(environment)?))
    }

    /// Goes to a stand-in inside the program.
    pub(super) fn with_transport(transport: Box<dyn Transport>) -> Result<Self, HubError> {
        let address = HubAddress::parse("https://hub.test", "the Hub's address")?;
        Ok(Self { address, token: HubToken::new("hf_test", "the Hub's token")?, transport })
    }

    fn over_network(address: HubAddress, token: HubToken) -> Self {
        let transport = Box::new(HttpTransport::new(address.clone(), token.clone()));
        Self { address, token, transport }
    }

    /// Returns the Hub's address, without a slash at its end.
    pub(super) fn address(&self) -> &str {
        self.address.as_str()
    }

    /// Returns the token, if it is one of `https://huggingface.co`.
    pub(super) fn token_of_hugging_face(&self) -> Option<String> {
        (self.address() == HUGGING_FACE).then(|| self.token.reveal())
    }

    pub(super) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// Returns a text in which the token is hidden.
    pub(super) fn hide_token_in(&self, text: &str) -> String {
        self.token.hide_in(text)
    }

    /// Returns the error of a response whose status is not 2xx.
    pub(super) fn rejection(&self, request: &ApiRequest, response: &ApiResponse) -> HubError {
        let hide = |text: &str| self.token.hide_in(text);
        HubError::Rejected(Box::new(HubRejection::new(request, response, hide)))
    }
}
