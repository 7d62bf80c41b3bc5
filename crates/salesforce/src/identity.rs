//! Which org a token is for, and which user.

use reqwest::{StatusCode, header};

use crate::{
    Client, Refusal,
    auth::{
        identity::{ORG, USER, id},
        session::Token,
    },
    error::{ErrorAnswer, markup, page_instead_of_answer},
    http,
    wire::UserInfo,
};

impl Client {
    /// The id of the org, from the answer to the login, or else from `userinfo`; nothing, where
    /// Salesforce answers something else.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn org_id(&self) -> Result<Option<String>, Refusal> {
        let token = self.session.token().await.map_err(Refusal::Login)?;
        if let Some(org) = &token.org {
            return Ok(Some(org.clone()));
        }
        let user = self.user_info(&token).await?;
        Ok(user.and_then(|user| id(&user.organization_id, ORG)))
    }

    /// The same for the id of the user who is signed in.
    ///
    /// # Errors
    ///
    /// When Salesforce does not answer.
    pub async fn user_id(&self) -> Result<Option<String>, Refusal> {
        let token = self.session.token().await.map_err(Refusal::Login)?;
        if let Some(user) = &token.user {
            return Ok(Some(user.clone()));
        }
        let user = self.user_info(&token).await?;
        Ok(user.and_then(|user| id(&user.user_id, USER)))
    }

    /// No call of the day.
    async fn user_info(&self, token: &Token) -> Result<Option<UserInfo>, Refusal> {
        let mut url = token.instance_url.clone();
        url.set_path("/services/oauth2/userinfo");
        let request = self.http.get(url).header(header::AUTHORIZATION, token.authorization.clone());
        let response = request.send().await.map_err(http::refusal)?;
        let (status, retry_after) = (response.status(), http::retry_after(response.headers()));
        let body = http::body(response).await?;
        // So it says, in a text of its own, that the token may not ask.
        if status == StatusCode::FORBIDDEN && markup(&body).is_none() {
            return Ok(None);
        }
        if status != StatusCode::OK {
            return Err(Refusal::Answered(ErrorAnswer::read(status.as_u16(), &body, retry_after)));
        }
        if let Some(page) = markup(&body) {
            return Err(page_instead_of_answer(status.as_u16(), page));
        }
        Ok(serde_json::from_slice(&body).ok())
    }
}
