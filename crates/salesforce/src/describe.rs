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
        self.described(&path, &format!("the describe of {object}")).await
    }

    /// Which objects the user may see, in a list named `sobjects`.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe).
    pub async fn describe_all<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.described("sobjects", "the list of objects").await
    }

    async fn described<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<T, Refusal> {
        let body = self.call(Call::get(path)).await?;
        serde_json::from_slice(&body).map_err(|error| match markup(&body) {
            Some(page) => page_instead_of_answer(200, page),
            None => Refusal::OutcomeUnknown { cause: format!("{what} cannot be read: {error}") },
        })
    }
}
