//! What an object looks like to the user who is signed in.

use serde::de::DeserializeOwned;

use crate::{
    Client, Refusal,
    error::{markup, page_instead_of_answer},
    request::Call,
};

impl Client {
    /// What an object looks like to the user: a describe has hundreds of properties, and `T` says
    /// which of them are read.
    ///
    /// # Errors
    ///
    /// When there was no answer, or none that can be read as `T`.
    pub async fn describe<T: DeserializeOwned>(&self, object: &str) -> Result<T, Refusal> {
        let path = format!("sobjects/{object}/describe");
        let body = self.call(Call::get(&path)).await?;
        serde_json::from_slice(&body).map_err(|error| match markup(&body) {
            Some(page) => page_instead_of_answer(200, page),
            None => Refusal::OutcomeUnknown {
                cause: format!("the describe of {object} cannot be read: {error}"),
            },
        })
    }
}
