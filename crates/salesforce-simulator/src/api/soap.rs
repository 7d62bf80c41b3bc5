//! SOAP `login()` and `logout()`, for clients that know no other way in
//! (salesforce-api.md 0, 9). Elements have no prefix: jsforce looks for them so.

use axum::http::{HeaderMap, StatusCode};

use super::oauth::{Login, base_url, is_user, may_log_in};
use crate::{http::Answer, org::Org, sessions::USER_ID};

/// The last version that has `login()`.
const NEWEST: u16 = 64;
const OLDEST: u16 = 31;

/// `POST /services/Soap/u/{V}`.
pub(crate) fn soap(org: &Org, login: &Login<'_>, version: &str) -> Answer {
    let text = String::from_utf8_lossy(login.body);
    if let Some(token) = element(&text, "sessionId").filter(|_| text.contains("logout")) {
        org.sessions.close(&token);
        return envelope(StatusCode::OK, "<logoutResponse/>");
    }
    let number = version.strip_suffix(".0").and_then(|number| number.parse::<u16>().ok());
    if !number.is_some_and(|number| (OLDEST..=NEWEST).contains(&number)) {
        let message = format!("login() is not in version {version} of the SOAP API");
        return fault("UNSUPPORTED_API_VERSION", &message);
    }
    if may_log_in(org).is_err() {
        return fault("SERVER_UNAVAILABLE", "logins are refused at the moment");
    }
    let given = |name| element(&text, name).unwrap_or_default();
    if !is_user(org, &given("username"), &given("password")) {
        let message = "Invalid username, password, security token; or user locked out.";
        return fault("INVALID_LOGIN", message);
    }
    let token = org.open_session();
    envelope(StatusCode::OK, &logged_in(org, login.headers, version, &token))
}

fn logged_in(org: &Org, headers: &HeaderMap, version: &str, token: &str) -> String {
    let base = base_url(org, headers);
    let user = escaped(&org.config.user_name);
    let org_id = &org.config.org_id;
    let organization = &org_id[..15];
    format!(
        "<loginResponse><result>\
         <metadataServerUrl>{base}/services/Soap/m/{version}/{organization}</metadataServerUrl>\
         <passwordExpired>false</passwordExpired><sandbox>true</sandbox>\
         <serverUrl>{base}/services/Soap/u/{version}/{organization}</serverUrl>\
         <sessionId>{token}</sessionId><userId>{USER_ID}</userId><userInfo>\
         <organizationId>{org_id}</organizationId><organizationName>Simulated</organizationName>\
         <sessionSecondsValid>7200</sessionSecondsValid><userEmail>{user}</userEmail>\
         <userFullName>Integration User</userFullName><userId>{USER_ID}</userId>\
         <userName>{user}</userName></userInfo></result></loginResponse>"
    )
}

fn fault(code: &str, message: &str) -> Answer {
    let message = escaped(message);
    let body = format!(
        "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}\
         </faultstring><detail><sf:LoginFault xsi:type=\"sf:LoginFault\">\
         <sf:exceptionCode>{code}</sf:exceptionCode>\
         <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail>\
         </soapenv:Fault>"
    );
    envelope(StatusCode::INTERNAL_SERVER_ERROR, &body)
}

fn envelope(status: StatusCode, body: &str) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:sf=\"urn:fault.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>{body}\
         </soapenv:Body></soapenv:Envelope>"
    );
    Answer::xml(status, text)
}

/// The text of the first element of this name, whatever its prefix.
fn element(xml: &str, name: &str) -> Option<String> {
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, content) = after.split_once('>')?;
        let local = tag.rsplit(':').next().unwrap_or(tag);
        let is_it = local == name && !tag.starts_with('/');
        if is_it {
            return content.split_once("</").map(|(text, _)| unescaped(text));
        }
        rest = content;
    }
    None
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'")];
    let text = text.trim();
    let text = text.strip_prefix("<![CDATA[").and_then(|it| it.strip_suffix("]]>")).unwrap_or(text);
    let unescaped =
        signs.iter().fold(text.to_owned(), |text, (name, sign)| text.replace(name, sign));
    unescaped.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let xml = "<?xml version=\"1.0\"?><env:Body><n1:login xmlns:n1=\"urn:x\">\
                   <n1:username> a&amp;b </n1:username><password>p&lt;&#39;</password></n1:login>";
        for (name, expected) in
            [("username", Some("a&b")), ("password", Some("p<'")), ("token", None)]
        {
            assert_eq!(element(xml, name).as_deref(), expected, "{name}");
        }
        assert_eq!(element("<username>", "username"), None);
        assert_eq!(element("<", "x"), None);
    }

    #[test]
    fn texts_come_through_as_they_are() {
        let text = "a<b>&\"c\"";

        assert_eq!(unescaped(&escaped(text)), text);
    }
}
