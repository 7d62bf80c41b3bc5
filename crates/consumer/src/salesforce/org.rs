//! Which org a token is for, and which user.

use reqwest::{StatusCode, header};
use url::Url;

use super::{
    Client, ErrorAnswer, Refusal, http,
    refusal::{markup, page_instead_of_answer},
    session::Token,
    wire::UserInfo,
};

impl Client {
    /// The id of the org, as the login told it, or else as it is asked for; nothing, where
    /// Salesforce tells something else.
    ///
    /// # Errors
    ///
    /// When it does not tell at all.
    pub(crate) async fn org_id(&self) -> Result<Option<String>, Refusal> {
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
    /// When Salesforce does not tell at all.
    pub(crate) async fn user_id(&self) -> Result<Option<String>, Refusal> {
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

/// What ids of orgs begin with.
const ORG: &str = "00D";

/// And those of users.
const USER: &str = "005";

/// The org's id in the address of a user, `https://…/id/<org>/<user>`.
pub(super) fn org_of_identity(url: &str) -> Option<String> {
    id(&segment_behind_id(url, 1)?, ORG)
}

/// The user's id in it.
pub(super) fn user_of_identity(url: &str) -> Option<String> {
    id(&segment_behind_id(url, 2)?, USER)
}

fn segment_behind_id(url: &str, place: usize) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let mut segments = url.path_segments()?.skip_while(|segment| *segment != "id");
    segments.nth(place).map(str::to_owned)
}

/// An id in the form of 18 characters, whichever of the two it came in.
fn id(text: &str, prefix: &str) -> Option<String> {
    const SUFFIXES: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let is_id = matches!(text.len(), 15 | 18)
        && text.starts_with(prefix)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let id = text.get(..15).filter(|_| is_id)?;
    // One character for five: it says which of them are capitals.
    let suffix = id.as_bytes().chunks(5).map(|five| {
        let capitals = five
            .iter()
            .rev()
            .fold(0, |bits, byte| bits << 1 | usize::from(byte.is_ascii_uppercase()));
        char::from(SUFFIXES[capitals])
    });
    Some(id.chars().chain(suffix).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_id_name_the_same_org() {
        let salesforces = "https://login.salesforce.com/id/00D50000000IZ3ZEAW/00550000001fg5OAAQ";
        for (url, expected) in [
            (salesforces, Some("00D50000000IZ3ZEAW")),
            (
                "https://login.salesforce.com/id/00D50000000IZ3Z/00550000001fg5O",
                Some("00D50000000IZ3ZEAW"),
            ),
            (
                "http://127.0.0.1:1/id/00DS1000000SimuMAC/005S1000000SimuIAC",
                Some("00DS1000000SimuMAC"),
            ),
            ("https://test.salesforce.com/id/00D50000000IZ3Z", Some("00D50000000IZ3ZEAW")),
            ("https://login.salesforce.com/id/00550000001fg5OAAQ/x", None),
            ("https://login.salesforce.com/id/00D5/x", None),
            ("https://login.salesforce.com/id", None),
            ("https://login.salesforce.com/id/00D50000000IZä/x", None),
            ("00D50000000IZ3ZEAW", None),
        ] {
            assert_eq!(org_of_identity(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_user_stands_behind_the_org() {
        for (url, expected) in [
            (
                "https://login.salesforce.com/id/00D50000000IZ3ZEAW/00550000001fg5OAAQ",
                Some("00550000001fg5OAAQ"),
            ),
            (
                "https://login.salesforce.com/id/00D50000000IZ3Z/00550000001fg5O",
                Some("00550000001fg5OAAQ"),
            ),
            (
                "http://127.0.0.1:1/id/00DS1000000SimuMAC/005S1000000SimuIAC",
                Some("005S1000000SimuIAC"),
            ),
            ("https://login.salesforce.com/id/00D50000000IZ3ZEAW", None),
            ("https://login.salesforce.com/id/00D50000000IZ3ZEAW/00D50000000IZ3ZEAW", None),
            ("https://login.salesforce.com/id/00D50000000IZ3ZEAW/005'%20OR%20Id", None),
        ] {
            assert_eq!(user_of_identity(url).as_deref(), expected, "{url}");
        }
    }
}
